//! Background work of a service: loops that are restarted when they fail, and jobs that run to their end.
//!
//! A task never disappears silently. A panic is caught, logged on one line and counted; a loop that keeps failing makes
//! `/readyz` answer 503; a shutdown waits for all tasks and names those it aborts. The supervisor does not retry a job,
//! because only its owner knows whether that is safe.

mod job;
mod panics;
mod restarts;
mod tasks;

pub use job::{Job, TaskFailed};
pub(crate) use panics::catch_panic;
pub use panics::install_panic_hook;
pub use restarts::FailingTask;
pub use tasks::Supervisor;
