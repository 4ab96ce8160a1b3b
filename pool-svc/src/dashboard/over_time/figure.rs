//! A line chart with a legend and a table of its numbers for people who cannot see the plot.

use maud::{Markup, html};

use super::chart::{Chart, Size};
use super::plot::Plot;

impl Chart<'_> {
    pub(super) fn draw(&self) -> Markup {
        let mut all = self.series.iter().flat_map(|it| &it.points);
        let empty = all.all(Option::is_none);
        html! {
            section .card aria-labelledby=(self.id) {
                h2 id=(self.id) { (self.title) }
                @if empty { p .empty { "No data in this period." } }
                @else {
                    (self.legend())
                    @for size in [self.size, Size::PHONE] { (Plot::new(self, size).draw()) }
                    details id={ (self.id) "-numbers" } { summary { "Show as table" } (self.table()) }
                }
            }
        }
    }

    fn legend(&self) -> Markup {
        html! {
            ul .legend {
                @for it in &self.series {
                    li class=(it.class) {
                        b { @match it.overall { Some(number) => (self.number(number)), None => "none" } }
                        span { (it.name) }
                    }
                }
            }
            @if let Some(hint) = &self.hint { p .hint { (hint) } }
        }
    }

    fn table(&self) -> Markup {
        let slices = (0..self.axis.len()).rev();
        let some = slices.filter(|slice| self.series.iter().any(|it| it.points[*slice].is_some()));
        html! {
            div .table.low tabindex="0" role="region" aria-label={ (self.title) ", as a table" } {
                table {
                    thead { tr {
                        th scope="col" { "Until" }
                        @for it in &self.series { th scope="col" .number { (it.name) } }
                    } }
                    tbody {
                        @for slice in some {
                            tr {
                                th scope="row" { (self.axis.label(slice)) }
                                @for it in &self.series {
                                    td .number { @if let Some(number) = it.points[slice] { (self.number(number)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chart::Series;
    use super::super::time_axis::Range;
    use super::*;

    /// A chart of an hour whose first minutes are these; the first ends at 08:33.
    fn drawn(unit: &'static str, first: &[Option<f64>]) -> String {
        let axis = Range::Hour.axis("2026-11-25T09:31:07Z".parse().unwrap());
        let mut points = first.to_vec();
        points.resize(axis.len(), None);
        let chart = Chart {
            id: "x",
            title: "X",
            hint: None,
            unit,
            least: 1.0,
            size: Size::HALF,
            filled: false,
            axis: &axis,
            series: vec![Series {
                class: "idle",
                name: "idle",
                overall: Some(1.5),
                points,
            }],
        };
        chart.draw().into_string()
    }

    #[test]
    fn a_line_has_gaps_and_a_single_point_is_a_dot() {
        let points = [Some(1.0), Some(2.0), None, Some(1.0), None];
        let drawn = drawn(" s", &points);
        let pictures = 2;
        assert_eq!(drawn.matches("class=\"series\"").count(), pictures);
        assert_eq!(drawn.matches("<circle").count(), pictures);
        let rows = drawn.matches("<th scope=\"row\">").count();
        assert_eq!(rows, 3, "empty slices have no row in the table");
    }

    #[test]
    fn slices_have_tooltips_and_the_legend_shows_the_overall_number() {
        let drawn = drawn(" s", &[Some(0.5), Some(40.25)]);
        assert!(
            drawn.contains("<title>08:33\nidle: 0.5 s</title>"),
            "{drawn}"
        );
        assert!(
            drawn.contains("<title>08:34\nidle: 40 s</title>"),
            "{drawn}"
        );
        assert!(drawn.contains("<b>1.5 s</b><span>idle</span>"), "{drawn}");
    }

    #[test]
    fn numbers_have_no_insignificant_digits() {
        for (number, text) in [
            (3.0, "3 s"),
            (0.25, "0.25 s"),
            (0.5, "0.5 s"),
            (9.999, "10 s"),
            (41.7, "42 s"),
        ] {
            assert!(
                drawn(" s", &[Some(number)]).contains(&format!("idle: {text}")),
                "{text}"
            );
        }
    }

    #[test]
    fn without_data_there_is_no_plot() {
        let drawn = drawn(" s", &[None, None]);
        assert!(drawn.contains("No data") && !drawn.contains("<svg"));
    }
}
