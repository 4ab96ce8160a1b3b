//! The queries that only the dashboard makes: the fleet page by page, its history, what became of a
//! batch of instances, whether anything has changed, and the sessions.

pub(super) mod batch;
pub(super) mod fleet;
pub(super) mod history;
pub(super) mod sessions;
pub(super) mod version;
