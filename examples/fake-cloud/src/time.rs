//! Times in the format that all four vendors use.

use chrono::{DateTime, SecondsFormat, Utc};

/// The current time in the vendors' format: UTC, milliseconds, `Z`.
pub(crate) fn now() -> String {
    text(Utc::now())
}

/// A time in the vendors' format.
pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
