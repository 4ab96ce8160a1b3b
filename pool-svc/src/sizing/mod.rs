//! Sizes pools that have an objective: each minute a target is decided from the log and stored, together with its
//! inputs. The decision itself is a pure function in the crate `agent-pool-sizing`; a new rule belongs there.
//!
//! Code that creates instances reads the stored target. If no decision was made for a while, because no replica runs
//! this loop, the last one holds.

mod keep;
mod learn;
pub(crate) mod objective;
mod reason;
mod replay;

pub(crate) use keep::keep_sizing;
pub(crate) use replay::{ReplayError, replay};
