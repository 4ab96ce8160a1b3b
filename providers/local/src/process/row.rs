//! One process, as either source describes it.

use serde::{Deserialize, Serialize};

/// The identity of a process: pids are reused, but not with the same start time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// When it started, in the system's own words.
    pub(crate) started: String,
}

/// One living process.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) process: Process,
    /// Its process group.
    pub(crate) group: i32,
    /// Whether its environment has the variable that was looked for.
    pub(crate) marked: bool,
}
