//! The header `Retry-After`, read and written for vendors and for our own APIs alike.

use std::time::{Duration, SystemTime};

/// The maximum wait that we accept from a server.
const LONGEST: Duration = Duration::from_hours(1);

/// A bare number above this is a point in time, not a number of seconds to wait (2001-09-09).
const EPOCH_SECONDS: u64 = 1_000_000_000;
/// A bare number above this counts milliseconds since 1970.
const EPOCH_MILLIS: u64 = 1_000_000_000_000;

/// The wait that `value` asks for, at most an hour: seconds (decimals too), a point in time as a number, or an HTTP
/// date.
///
/// ```
/// use std::time::Duration;
/// use agent_pool_core::http::retry_after;
///
/// assert_eq!(retry_after::parse("17"), Some(Duration::from_secs(17)));
/// assert_eq!(retry_after::parse("Fri, 01 Jan 2016 00:00:00 GMT"), Some(Duration::ZERO));
/// assert_eq!(retry_after::parse("soon"), None);
/// ```
#[must_use]
pub fn parse(value: &str) -> Option<Duration> {
    parse_at(value, SystemTime::now())
}

fn parse_at(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let point = match value.parse::<u64>() {
        Ok(seconds) if seconds < EPOCH_SECONDS => {
            return Some(Duration::from_secs(seconds).min(LONGEST));
        }
        Ok(seconds) if seconds < EPOCH_MILLIS => {
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?
        }
        Ok(millis) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))?,
        Err(_) => match value.parse::<f64>() {
            // Some vendors send decimals.
            Ok(seconds) => return Some(Duration::try_from_secs_f64(seconds).ok()?.min(LONGEST)),
            Err(_) => httpdate::parse_http_date(value).ok()?,
        },
    };
    let wait = point.duration_since(now).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST))
}

/// The header's value for `wait`: whole seconds, rounded up, and at least 1, because 0 invites a busy loop.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    let rounded_up = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    rounded_up.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_capped() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let date = httpdate::fmt_http_date(now + Duration::from_secs(90));
        for (text, seconds) in [
            ("0", 0),
            (" 12 ", 12),
            ("999999", 3_600),
            ("1800000030", 30),
            ("1800000030000", 30),
            ("1700000000", 0),
            (date.as_str(), 90),
        ] {
            assert_eq!(
                parse_at(text, now),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        let millis = parse_at("1.5", now).map(|wait| wait.as_millis());
        assert_eq!(millis, Some(1_500));
        for text in ["", "soon", "-1", "-0.5", "NaN", "inf"] {
            assert_eq!(parse_at(text, now), None, "{text}");
        }
    }

    #[test]
    fn seconds_are_rounded_up_and_at_least_one() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (30_000, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }
}
