//! The plot of a chart: lines over slices of time, as an SVG that scales with the page.
//!
//! Each slice has a tooltip with its numbers. To a screen reader the plot is one image; the numbers are
//! in the table below it.

use std::fmt::Write;

use maud::{Markup, html};

use super::chart::{Chart, Series, Size};
use super::scale::Scale;

const LEFT: f64 = 60.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;

/// A point of the plot.
type Point = (f64, f64);

/// A chart at a size.
pub(super) struct Plot<'a> {
    chart: &'a Chart<'a>,
    scale: Scale,
    size: Size,
}

impl<'a> Plot<'a> {
    pub(super) fn new(chart: &'a Chart<'a>, size: Size) -> Self {
        let points = chart
            .series
            .iter()
            .flat_map(|it| it.points.iter().flatten());
        let most = points.fold(0.0_f64, |most, number| most.max(*number));
        Self {
            chart,
            scale: Scale::covering(most, chart.least),
            size,
        }
    }

    pub(super) fn draw(&self) -> Markup {
        let Size {
            class,
            width,
            height,
            ..
        } = self.size;
        html! {
            svg class={ "chart " (class) } viewBox={ "0 0 " (width) " " (height) } role="img" aria-labelledby=(self.chart.id) {
                @for number in self.scale.numbers() {
                    @let y = self.y(number);
                    line .grid x1=(LEFT) x2=(width - RIGHT) y1=(place(y)) y2=(place(y)) {}
                    text x=(LEFT - 8.0) y=(place(y + 4.0)) text-anchor="end" { (self.chart.number(number)) }
                }
                @for (slice, words) in self.chart.axis.ticks(self.size.ticks) {
                    text x=(place(self.x(slice))) y=(height - 6.0) text-anchor=(self.anchor(slice)) { (words) }
                }
                @for it in &self.chart.series { (self.line(it)) }
                @if self.size.class != Size::PHONE.class {
                    @for slice in 0..self.chart.axis.len() { (self.slice(slice)) }
                }
            }
        }
    }

    fn line(&self, series: &Series) -> Markup {
        html! {
            g class=(series.class) {
                @for run in self.runs(series) {
                    @match run.as_slice() {
                        [(x, y)] => circle .point cx=(place(*x)) cy=(place(*y)) r="3" {},
                        run => {
                            @if self.chart.filled { path .area d=(self.area(run)) {} }
                            path .series d=(path(run)) {}
                        },
                    }
                }
            }
        }
    }

    /// The tooltip of a slice.
    fn slice(&self, slice: usize) -> Markup {
        let (from, to) = (self.edge(slice, -0.5), self.edge(slice, 0.5));
        let (top, base, x) = (TOP, self.y(0.0), place(self.x(slice)));
        html! {
            g .slice {
                title { (self.label(slice)) }
                rect x=(place(from)) y=(top) width=(place(to - from)) height=(place(base - top)) {}
                line x1=(x) x2=(x) y1=(top) y2=(place(base)) {}
            }
        }
    }

    fn label(&self, slice: usize) -> String {
        let mut words = self.chart.axis.label(slice).to_owned();
        for it in &self.chart.series {
            if let Some(number) = it.points[slice] {
                // Writing to a String cannot fail.
                let _ = write!(words, "\n{}: {}", it.name, self.chart.number(number));
            }
        }
        words
    }

    /// The parts of a line between gaps.
    fn runs(&self, series: &Series) -> Vec<Vec<Point>> {
        let there = |point: &(usize, &Option<f64>)| point.1.is_some();
        let points: Vec<_> = series.points.iter().enumerate().collect();
        points
            .chunk_by(|one, next| there(one) == there(next))
            .map(|run| {
                run.iter()
                    .filter_map(|(slice, point)| Some((self.x(*slice), self.y((**point)?))))
                    .collect::<Vec<_>>()
            })
            .filter(|run| !run.is_empty())
            .collect()
    }

    fn area(&self, run: &[Point]) -> String {
        let ends = run.first().zip(run.last());
        let down = ends.map(|((first, _), (last, _))| {
            let base = place(self.y(0.0));
            format!("L{} {base}L{} {base}Z", place(*last), place(*first))
        });
        path(run) + &down.unwrap_or_default()
    }

    fn y(&self, number: f64) -> f64 {
        TOP + (self.size.height - TOP - BOTTOM) * (1.0 - number / self.scale.top())
    }

    fn x(&self, slice: usize) -> f64 {
        self.edge(slice, 0.0)
    }

    /// `by` slices right of a slice, within the plot.
    fn edge(&self, slice: usize, by: f64) -> f64 {
        let last = self.chart.axis.len().saturating_sub(1).max(1);
        let share = (number(slice) + by) / number(last);
        LEFT + (self.size.width - LEFT - RIGHT) * share.clamp(0.0, 1.0)
    }

    fn anchor(&self, slice: usize) -> &'static str {
        if slice + 1 == self.chart.axis.len() {
            "end"
        } else if slice == 0 {
            "start"
        } else {
            "middle"
        }
    }
}

fn path(run: &[Point]) -> String {
    let mut path = String::new();
    for (index, (x, y)) in run.iter().enumerate() {
        let pen = if index == 0 { 'M' } else { 'L' };
        // Writing to a String cannot fail.
        let _ = write!(path, "{pen}{} {}", place(*x), place(*y));
    }
    path
}

fn place(number: f64) -> String {
    format!("{number:.1}")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "there are fewer slices than 2^53"
)]
const fn number(slice: usize) -> f64 {
    slice as f64
}
