//! Where vendors and rows do not agree, in both directions: orphans, which no row knows, and what is
//! `missing` at its vendor.
//!
//! Orphans are what vendors have under our mark and no row knows.
//! Rows are written before vendors are asked for anything, and vendors are listed before rows are
//! read. So what is listed and has no row is nobody's, however young; the grace period only leaves
//! people time to look. A resource whose age its vendor does not tell counts as old. What belongs to
//! an instance that has any row is never an orphan: the destruction of the instance sees to it. Only the
//! row of a local grant protects no longer than it says.

mod destroy;
mod exclusive;
mod found;
mod measure;
mod missing;
mod refresh;
mod run;
mod timer;

pub(crate) use exclusive::{SweepError, last_report, sweep};
pub(crate) use timer::sweep_periodically;
