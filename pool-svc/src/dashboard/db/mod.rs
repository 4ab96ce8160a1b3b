//! The queries that only the dashboard makes: the fleet page by page, its recipes and its history, the outcome of a
//! batch of instances, whether anything has changed, and the sessions.

pub(super) mod batch;
pub(super) mod fleet;
pub(super) mod history;
pub(super) mod recipes;
pub(super) mod sessions;
pub(super) mod version;
