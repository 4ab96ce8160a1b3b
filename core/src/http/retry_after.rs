//! When to come back, in the forms that servers use.

use std::time::{Duration, SystemTime};

/// The longest wait that a server can ask for.
const LIMIT: Duration = Duration::from_secs(3_600);

/// A larger number is a point in time in seconds since 1970, not a number of seconds to wait (2001-09-09).
const EPOCH_SECONDS: u64 = 1_000_000_000;
/// A larger number is a point in time in milliseconds since 1970.
const EPOCH_MILLIS: u64 = 1_000_000_000_000;

/// Reads a `Retry-After` or a rate limit's reset time: a number of seconds, a point in time as a number, or an HTTP
/// date. The result is at most one hour; `None` if the text has none of these forms.
#[must_use]
pub fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let point = match text.parse::<u64>() {
        Ok(seconds) if seconds < EPOCH_SECONDS => {
            return Some(Duration::from_secs(seconds).min(LIMIT));
        }
        Ok(seconds) if seconds < EPOCH_MILLIS => {
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?
        }
        Ok(millis) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))?,
        Err(_) => httpdate::parse_http_date(text).ok()?,
    };
    let wait = point.duration_since(now).unwrap_or(Duration::ZERO);
    Some(wait.min(LIMIT))
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
            let wait = parse_retry_after(text, now);
            assert_eq!(wait, Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(parse_retry_after(text, now), None, "{text}");
        }
    }
}
