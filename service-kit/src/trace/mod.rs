//! Logs, on stderr, and traces.
//!
//! Logging never fails, blocks or panics: lines go through a bounded queue to a thread of their own. A
//! line that finds the queue full, or that stderr refuses, is lost, and counted in
//! `agent_pool_log_lines_lost_total`.

mod init;
mod line;
mod otlp;
mod queue;

pub use init::{LogFormat, LogSettings, TraceError, flush, init};
pub(crate) use otlp::continue_trace;
pub use otlp::{current_trace_id, finish_export};
