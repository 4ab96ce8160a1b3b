//! The wall clock in the form that all four vendors write it.

use chrono::{DateTime, SecondsFormat, Utc};

/// Now, as the vendors write times: UTC, milliseconds, `Z`.
pub(crate) fn now() -> String {
    text(Utc::now())
}

/// A time as the vendors write it.
pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
