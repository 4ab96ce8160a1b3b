//! Sizing pools that have an objective: each minute a target is decided from the log and stored, with the
//! numbers that it follows from. The decision itself is the pure function of `agent-pool-sizing`.
//!
//! Whatever makes instances reads the stored target. If no decision was made for a while, because no replica runs this
//! loop, the last one holds.

mod keep;
mod learn;
pub(crate) mod objective;
mod reason;
mod replay;

pub(crate) use keep::keep_sizing;
pub(crate) use replay::{ReplayError, replay};
