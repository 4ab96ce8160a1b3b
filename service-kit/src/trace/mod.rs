//! Logs, on stderr, and traces.
//!
//! Logging never fails, blocks or panics: lines go through a bounded queue to a separate thread. A line is lost if the
//! queue is full or stderr cannot be written, and counted in `agent_pool_log_lines_lost_total`.

mod init;
mod line;
mod otlp;
mod queue;

pub use init::{LogFormat, LogSettings, TraceError, flush, init};
pub(crate) use otlp::continue_trace;
pub use otlp::{current_trace_id, finish_export};
