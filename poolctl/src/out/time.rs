//! Times, as people say them.

use chrono::{DateTime, Local, TimeDelta, Utc};

/// How long ago that was, in its largest unit: `12 s`, `3 min`, `5 h`, `9 d`.
pub(crate) fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let since = (now - at).max(TimeDelta::zero());
    let (minutes, hours, days) = (since.num_minutes(), since.num_hours(), since.num_days());
    if days > 0 {
        format!("{days} d")
    } else if hours > 0 {
        format!("{hours} h")
    } else if minutes > 0 {
        format!("{minutes} min")
    } else {
        format!("{} s", since.num_seconds())
    }
}

/// The same with `ago`.
pub(crate) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ago", age(at, now))
}

/// The time of day here, with the day where that is not today.
pub(crate) fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (at, now) = (at.with_timezone(&Local), now.with_timezone(&Local));
    let form = if at.date_naive() == now.date_naive() {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    at.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now = Utc::now();
        for (seconds, told) in [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7_199, "1 h"),
            (86_400 * 9, "9 d"),
        ] {
            assert_eq!(age(now - TimeDelta::seconds(seconds), now), told);
        }
    }
}
