//! Where vendors and rows disagree, in both directions: orphans, which no row knows, and what is `missing`
//! at its vendor.
//!
//! Rows are written before vendors are asked for anything, and vendors are listed before rows are read. So
//! what is listed and has no row belongs to nobody, however young it is; the grace period only gives people
//! time to look. A resource whose vendor does not tell its age counts as old. What belongs to an instance
//! with any row is never an orphan: the destruction of the instance removes it. Only the row of a local
//! grant stops protecting when the grant expires.

mod compare;
mod exclusive;
mod listed;
mod metrics;
mod orphans;
mod repair;
mod report;
mod run;
mod timer;

pub(crate) use exclusive::{SweepError, sweep};
pub(crate) use report::last_report;
pub(crate) use timer::sweep_periodically;
