//! Sweeps: compares vendors and rows in both directions, and finds orphans (resources without a row) and `missing`
//! resources (rows without one).
//!
//! A row is always written before its vendor is called, and a sweep reads rows before it lists vendors and again after
//! that. So a listed resource that never had a row belongs to nothing, however young it is; the grace period only gives people time to look. A
//! resource of unknown age counts as old. A resource of an instance that has any row is never an orphan: the
//! destruction of the instance removes it. Only the row of a local grant stops protecting its tools when the grant
//! expires.

mod compare;
mod exclusive;
mod listed;
mod metrics;
mod orphans;
mod refresh;
mod repair;
mod report;
mod run;
mod timer;

pub(crate) use exclusive::{SweepError, sweep};
pub(crate) use report::last_report;
pub(crate) use timer::sweep_periodically;
