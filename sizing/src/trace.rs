//! A reproducible trace of claims with office hours and weekdays.

/// When a trace begins: Monday, 5 January 2026, 0:00 UTC.
pub const START: i64 = 1_767_571_200;
/// Seconds of a week.
pub const WEEK: i64 = 7 * 24 * 3_600;

/// Claims per hour of a working day.
const WORKING_DAY: [f64; 24] = [
    4.0, 2.0, 2.0, 2.0, 3.0, 6.0, 15.0, 40.0, 90.0, 130.0, 140.0, 130.0, 100.0, 120.0, 140.0,
    130.0, 110.0, 80.0, 50.0, 35.0, 25.0, 18.0, 12.0, 7.0,
];
/// The factor for days of the weekend.
const WEEKEND: f64 = 0.2;

/// The parameters of a trace.
#[derive(Debug, Clone, Copy)]
pub struct Trace {
    /// How many weeks it has.
    pub weeks: u32,
    /// The seed of the random numbers.
    pub seed: u64,
    /// Factor for every rate.
    pub scale: f64,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            weeks: 3,
            seed: 17,
            scale: 1.0,
        }
    }
}

impl Trace {
    /// When each claim comes, in seconds since 1970: a Poisson process for each hour of the week.
    #[must_use]
    pub fn arrivals(&self) -> Vec<i64> {
        let mut random = Random(self.seed);
        let mut arrivals = Vec::new();
        for hour in 0..self.weeks * 7 * 24 {
            let weekend = hour / 24 % 7 >= 5;
            let day = if weekend { WEEKEND } else { 1.0 };
            let index = usize::try_from(hour % 24).unwrap_or_default();
            let rate = WORKING_DAY[index] * day * self.scale / 3_600.0;
            let begin = START + i64::from(hour) * 3_600;
            let mut at = 0.0;
            loop {
                at += -(1.0 - random.next()).ln() / rate;
                if at >= 3_600.0 {
                    break;
                }
                arrivals.push(begin + whole_seconds(at));
            }
        }
        arrivals
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is within an hour")]
fn whole_seconds(at: f64) -> i64 {
    at as i64
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    /// A number between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default();
        f64::from(high) / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_the_same_each_time_and_has_weekdays() {
        let trace = Trace::default();
        let arrivals = trace.arrivals();
        assert_eq!(arrivals, trace.arrivals());
        assert!(arrivals.is_sorted());
        let on = |day: i64| {
            arrivals
                .iter()
                .filter(|at| (**at - START) / 86_400 % 7 == day)
                .count()
        };
        assert!(on(0) > 3 * on(5), "{} {}", on(0), on(5));
        assert_ne!(arrivals, Trace { seed: 18, ..trace }.arrivals());
    }
}
