//! Durations, as pages and commands show them.

use chrono::TimeDelta;

/// A duration in the largest unit of which it has at least two: `90 s`, `3 min`, `30 h`, `9 d`. A negative one is `0
/// s`.
#[must_use]
pub fn in_largest_unit(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
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
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (86_400 * 9, "9 d"),
        ] {
            assert_eq!(in_largest_unit(TimeDelta::seconds(seconds)), text);
        }
    }
}
