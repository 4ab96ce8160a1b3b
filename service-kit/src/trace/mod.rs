//! Logs, on stderr.
//!
//! Logging never fails, blocks or panics: lines go through a bounded queue to a thread of their own. A
//! line that finds the queue full, or that stderr refuses, is lost, and counted in
//! `agent_pool_log_lines_lost_total`.

mod init;
mod queue;

pub use init::{LogFormat, LogSettings, TraceError, flush, init};
