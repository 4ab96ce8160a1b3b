//! The vertical axis of a chart.

/// The maximum number of grid lines above zero.
const LINES: f64 = 5.0;

/// Grid lines at equal distances, from zero up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// The distance between two lines: 1, 2 or 5 times a power of ten.
    step: f64,
    /// The number of lines above zero.
    lines: u8,
}

impl Scale {
    /// The smallest scale that reaches `most`. `least` is the smallest step that makes sense.
    pub(super) fn covering(most: f64, least: f64) -> Self {
        let rough = (most / LINES).max(least).max(f64::MIN_POSITIVE);
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        // A tolerance, because powers of ten are not exact.
        let fits = |step: &f64| *step >= rough * 0.999;
        let step = steps.into_iter().find(fits).unwrap_or(rough);
        let enough = |lines: &u8| f64::from(*lines) * step >= most * 0.999;
        let lines = (1..=5).find(enough).unwrap_or(5);
        Self { step, lines }
    }

    pub(super) fn top(self) -> f64 {
        self.step * f64::from(self.lines)
    }

    /// The numbers at the lines, starting with zero.
    pub(super) fn numbers(self) -> impl Iterator<Item = f64> {
        (0..=self.lines).map(move |line| self.step * f64::from(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_round_few_and_no_higher_than_they_must_be() {
        for (most, least, step, lines) in [
            (0.0, 1.0, 1.0, 1),
            (1.0, 1.0, 1.0, 1),
            (5.0, 1.0, 1.0, 5),
            (6.0, 1.0, 2.0, 3),
            (240.0, 1.0, 50.0, 5),
            (10_000.0, 1.0, 2_000.0, 5),
            (0.9, 0.001, 0.2, 5),
            (0.03, 0.001, 0.01, 3),
            (0.0, 0.001, 0.001, 1),
        ] {
            let scale = Scale::covering(most, least);
            assert!((scale.step - step).abs() < 1e-9, "{most}: {scale:?}");
            assert_eq!(scale.lines, lines, "{most}");
            assert!(scale.top() >= most && scale.numbers().count() == usize::from(lines) + 1);
        }
    }
}
