//! Times, as commands show them.

use agent_pool_service_kit::elapsed::in_largest_unit;
use chrono::{DateTime, Local, Utc};

/// The elapsed time in its largest unit: `12 s`, `3 min`.
pub(crate) fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    in_largest_unit(now - at)
}

/// The same with `ago`.
pub(crate) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ago", age(at, now))
}

/// The local time, with the date if it is not today.
pub(crate) fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (at, now) = (at.with_timezone(&Local), now.with_timezone(&Local));
    let form = if at.date_naive() == now.date_naive() {
        "%H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    at.format(form).to_string()
}
