//! A line chart: its numbers and how they are written.

use super::time_axis::TimeAxis;

/// One line of a chart.
pub(super) struct Series {
    /// The CSS class of its colour.
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    /// The number in the legend.
    pub(super) overall: Option<f64>,
    /// One for each slice of time; `None` leaves a gap.
    pub(super) points: Vec<Option<f64>>,
}

pub(super) struct Chart<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// Explains the numbers.
    pub(super) hint: Option<String>,
    /// The unit after each number.
    pub(super) unit: &'a str,
    /// The smallest step of the vertical axis.
    pub(super) least: f64,
    /// The size on large screens.
    pub(super) size: Size,
    /// Whether the area under the lines is coloured.
    pub(super) filled: bool,
    pub(super) axis: &'a TimeAxis,
    pub(super) series: Vec<Series>,
}

impl Chart<'_> {
    /// Up to three significant digits, with the unit.
    pub(super) fn number(&self, number: f64) -> String {
        let text = match number {
            n if n.fract() == 0.0 => format!("{n:.0}"),
            n if n < 10.0 => {
                let text = format!("{n:.2}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            n => format!("{n:.0}"),
        };
        format!("{text}{}", self.unit)
    }
}

/// The size of a plot in CSS pixels. There are several because text does not scale well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// The CSS class that selects the screens to show it on.
    pub(super) class: &'static str,
    pub(super) width: f64,
    pub(super) height: f64,
    /// The approximate number of labels on the time axis.
    pub(super) ticks: usize,
}

impl Size {
    /// The full width of a page.
    pub(super) const PAGE: Self = Self {
        class: "broad",
        width: 1130.0,
        height: 230.0,
        ticks: 13,
    };
    /// Half the width of a page.
    pub(super) const HALF: Self = Self {
        class: "broad",
        width: 540.0,
        height: 220.0,
        ticks: 7,
    };
    /// The width of a phone.
    pub(super) const PHONE: Self = Self {
        class: "slim",
        width: 330.0,
        height: 200.0,
        ticks: 4,
    };
}
