//! Durations, as pages and commands show them.

use chrono::TimeDelta;

/// A duration in the largest unit that fits: `12 s`, `3 min`, `5 h`, `9 d`. A negative one is `0 s`.
#[must_use]
pub fn in_largest_unit(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_its_largest_unit() {
        for (seconds, text) in [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7_199, "1 h"),
            (86_400 * 9, "9 d"),
        ] {
            assert_eq!(in_largest_unit(TimeDelta::seconds(seconds)), text);
        }
    }
}
