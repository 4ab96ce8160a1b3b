use std::time::Duration;

use chrono::{DateTime, Utc};

/// How long ago the time was that a vendor tells, such as `2026-08-01T00:00:00Z`: zero where it is yet to
/// come, `None` where it tells none.
///
/// ```
/// use std::time::Duration;
/// use agent_pool_core::http::age;
///
/// assert!(age(Some("2026-01-01T00:00:00Z")) > Some(Duration::ZERO));
/// assert_eq!(age(Some("9999-01-01T00:00:00Z")), Some(Duration::ZERO));
/// assert_eq!(age(Some("yesterday")), None);
/// ```
#[must_use]
pub fn age(time: Option<&str>) -> Option<Duration> {
    let time: DateTime<Utc> = time?.parse().ok()?;
    Some((Utc::now() - time).to_std().unwrap_or_default())
}
