//! The figures, as a table and as JSON.

use comfy_table::Table;
use serde::Serialize;

/// One figure with what it is compared with.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// Every run's value, in order.
    pub(crate) runs: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) baseline: Option<f64>,
}

impl Figure {
    /// The median of `runs`.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, runs: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            value: median(&runs),
            unit,
            runs,
            baseline: None,
        }
    }

    pub(crate) fn against(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.baseline.map(|baseline| self.value / baseline)
    }
}

/// A point of the plot: milliseconds at a number of rows.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Point {
    pub(crate) rows: u32,
    pub(crate) claim_ms: f64,
    pub(crate) tick_ms: f64,
}

/// Everything that was measured, in order.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) figures: Vec<Figure>,
    pub(crate) growth: Vec<Point>,
}

impl Report {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    #[expect(clippy::print_stdout, reason = "the table is what the bench is for")]
    pub(crate) fn print(&self) {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::ASCII_MARKDOWN);
        table.set_header(["figure", "median", "unit", "baseline", "ratio", "runs"]);
        for figure in &self.figures {
            let number = |value: f64| format!("{value:.1}");
            let runs = figure.runs.iter().map(|run| number(*run));
            table.add_row([
                figure.name.clone(),
                number(figure.value),
                figure.unit.to_owned(),
                figure.baseline.map(number).unwrap_or_default(),
                figure
                    .ratio()
                    .map(|ratio| format!("{ratio:.2}"))
                    .unwrap_or_default(),
                runs.collect::<Vec<_>>().join(" "),
            ]);
        }
        println!("{table}");
    }
}

/// The middle value; 0 for none.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value that `percent` of the values do not exceed; 0 for none.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(last * percent / 100)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(median(&values).to_string(), "3");
        assert_eq!(percentile(&values, 100).to_string(), "5");
        assert_eq!(percentile(&[], 99).to_string(), "0");
    }

    #[test]
    fn a_ratio_compares_the_median_with_the_baseline() {
        let figure = Figure::new("x", "ms", vec![9.0, 10.0, 50.0]).against(5.0);
        assert_eq!(
            figure.ratio().map(|ratio| ratio.to_string()),
            Some("2".to_owned())
        );
    }
}
