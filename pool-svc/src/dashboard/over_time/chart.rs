//! A line chart as SVG, with its numbers as a table for who does not see it.

use std::fmt::Write;

use maud::{Markup, html};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;
/// Lines across, at most.
const LINES: u8 = 4;

/// One line of a chart.
pub(super) struct Series {
    /// Its colour, as a class.
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    /// One for each slice of time.
    pub(super) points: Vec<Option<f64>>,
}

pub(super) struct Chart<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// What is written behind numbers.
    pub(super) unit: &'a str,
    /// One for each slice of time.
    pub(super) times: &'a [String],
    pub(super) series: Vec<Series>,
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> Markup {
        let empty = self
            .series
            .iter()
            .all(|it| it.points.iter().all(Option::is_none));
        html! {
            section .card aria-labelledby=(self.id) {
                h2 id=(self.id) { (self.title) }
                @if empty { p .hint { "Nothing of this happened in that time." } }
                @else {
                    (self.picture())
                    ul .legend {
                        @for it in &self.series { li class=(it.class) { (it.name) ": " (self.last(it)) } }
                    }
                    details id={ (self.id) "-numbers" } { summary { "As numbers" } (self.table()) }
                }
            }
        }
    }

    fn last(&self, series: &Series) -> String {
        let last = series.points.iter().rev().find_map(|point| *point);
        last.map_or_else(|| "none".to_owned(), |number| self.number(number))
    }

    fn number(&self, number: f64) -> String {
        let text = match number {
            n if n.fract() == 0.0 => format!("{n:.0}"),
            n if n < 10.0 => format!("{n:.2}"),
            n => format!("{n:.1}"),
        };
        format!("{text}{}", self.unit)
    }

    fn picture(&self) -> Markup {
        let step = self.step();
        let top = step * f64::from(LINES);
        let y = |number: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - number / top);
        html! {
            svg .chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby=(self.id) {
                @for line in 0..=LINES {
                    @let number = step * f64::from(line);
                    line .grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(place(y(number))) y2=(place(y(number))) {}
                    text x=(LEFT - 8.0) y=(place(y(number) + 4.0)) text-anchor="end" { (self.number(number)) }
                }
                @for (slice, time) in self.marks() {
                    text x=(place(self.x(slice))) y=(HEIGHT - 6.0) text-anchor=(self.anchor(slice)) { (time) }
                }
                @for it in &self.series {
                    g class=(it.class) {
                        path .series d=(self.path(it, y)) {}
                        @for (x, y) in self.lonely(it, y) { circle .point cx=(x) cy=(y) r="3" {} }
                    }
                }
            }
        }
    }

    /// Between two lines across: 1, 2 or 5 times a power of ten.
    fn step(&self) -> f64 {
        let points = self.series.iter().flat_map(|it| it.points.iter().flatten());
        let most = points.fold(0.0_f64, |most, number| most.max(*number));
        let least = most / f64::from(LINES);
        if least <= 0.0 {
            return 1.0;
        }
        let power = 10_f64.powf(least.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| *step >= least * 0.999);
        let step = step.unwrap_or(least);
        if self.unit.is_empty() {
            step.max(1.0)
        } else {
            step
        }
    }

    fn x(&self, slice: usize) -> f64 {
        let last = self.times.len().saturating_sub(1).max(1);
        LEFT + (WIDTH - LEFT - RIGHT) * share(slice, last)
    }

    /// The times that the axis names, seven at most.
    fn marks(&self) -> Vec<(usize, &str)> {
        let every = (self.times.len() / 6).max(1);
        let last = self.times.len().saturating_sub(1);
        let from_the_end =
            (0..self.times.len()).filter(|slice| (last - slice).is_multiple_of(every));
        from_the_end
            .map(|slice| (slice, self.times[slice].as_str()))
            .collect()
    }

    fn anchor(&self, slice: usize) -> &'static str {
        if slice + 1 == self.times.len() {
            "end"
        } else if slice == 0 {
            "start"
        } else {
            "middle"
        }
    }

    /// A line through what is there; it is broken where nothing is.
    fn path(&self, series: &Series, y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut pen = 'M';
        for (slice, point) in series.points.iter().enumerate() {
            let Some(number) = point else {
                pen = 'M';
                continue;
            };
            // Writing to a String cannot fail.
            let _ = write!(path, "{pen}{} {}", place(self.x(slice)), place(y(*number)));
            pen = 'L';
        }
        path
    }

    /// Points without a neighbour, of which a line shows nothing.
    fn lonely(&self, series: &Series, y: impl Fn(f64) -> f64) -> Vec<(String, String)> {
        let there = |slice: usize| series.points.get(slice).is_some_and(Option::is_some);
        let alone = |slice: usize| !(there(slice + 1) || slice > 0 && there(slice - 1));
        let points = series.points.iter().enumerate();
        points
            .filter_map(|(slice, point)| point.map(|number| (slice, number)))
            .filter(|(slice, _)| alone(*slice))
            .map(|(slice, number)| (place(self.x(slice)), place(y(number))))
            .collect()
    }

    fn table(&self) -> Markup {
        let slices = (0..self.times.len()).rev();
        let some = slices.filter(|slice| self.series.iter().any(|it| it.points[*slice].is_some()));
        html! {
            div .table tabindex="0" {
                table {
                    thead { tr {
                        th scope="col" { "Until" }
                        @for it in &self.series { th scope="col" .number { (it.name) } }
                    } }
                    tbody {
                        @for slice in some {
                            tr {
                                td { (self.times[slice]) }
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

#[expect(
    clippy::cast_precision_loss,
    reason = "there are fewer slices than 2^53"
)]
const fn share(slice: usize, last: usize) -> f64 {
    slice as f64 / last as f64
}

fn place(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(unit: &'static str, points: &[Option<f64>], test: impl Fn(&Chart<'_>, String)) {
        let times: Vec<_> = (0..points.len()).map(|slice| format!("t{slice}")).collect();
        let chart = Chart {
            id: "x",
            title: "X",
            unit,
            times: &times,
            series: vec![Series {
                class: "idle",
                name: "idle",
                points: points.to_vec(),
            }],
        };
        test(&chart, chart.draw().into_string());
    }

    #[test]
    fn lines_across_are_round_and_above_all_points() {
        for (unit, most, step) in [
            ("", 0.0, 1.0),
            ("", 3.0, 1.0),
            ("", 4.0, 1.0),
            ("", 5.0, 2.0),
            ("", 240.0, 100.0),
            (" s", 0.9, 0.5),
            (" s", 0.03, 0.01),
        ] {
            chart(unit, &[Some(most)], |it, _| {
                assert!((it.step() - step).abs() < 1e-9, "{most}: {}", it.step());
            });
        }
    }

    #[test]
    fn a_line_is_broken_where_nothing_happened_and_a_single_point_is_a_dot() {
        chart(
            " s",
            &[Some(1.0), Some(2.0), None, Some(1.0), None],
            |it, drawn| {
                let path = it.path(&it.series[0], |number| number);
                assert_eq!(path.matches('M').count(), 2);
                assert_eq!(path.matches('L').count(), 1);
                assert_eq!(drawn.matches("<circle").count(), 1);
                assert_eq!(
                    drawn.matches("<td>t").count(),
                    3,
                    "nothing has no line in the table"
                );
            },
        );
        chart(" s", &[None, None], |_, drawn| {
            assert!(drawn.contains("Nothing of this"));
        });
    }
}
