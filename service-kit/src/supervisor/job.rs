//! A job: work that runs to its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use tokio::task::JoinHandle;

/// A running job. Dropping it leaves the job running; awaiting it gives the job's result.
#[derive(Debug)]
#[must_use = "await it, or drop it on purpose: the job continues either way"]
pub struct Job<T> {
    task: &'static str,
    handle: JoinHandle<Result<T, TaskFailed>>,
}

/// A job that ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task {task} {cause}")]
pub struct TaskFailed {
    /// Its name.
    pub task: &'static str,
    /// The cause, such as `panicked at src/x.rs:1:2: message`.
    pub cause: String,
}

/// An internal error. The supervisor has logged the cause, which callers do not need to see.
impl From<TaskFailed> for Problem {
    fn from(failed: TaskFailed) -> Self {
        let detail = format!(
            "task {} failed with an internal error: see the log of this service",
            failed.task
        );
        Self::new(ProblemCode::InternalError, detail)
    }
}

impl<T> Job<T> {
    pub(super) const fn new(task: &'static str, handle: JoinHandle<Result<T, TaskFailed>>) -> Self {
        Self { task, handle }
    }
}

impl<T> Future for Job<T> {
    type Output = Result<T, TaskFailed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let joined = ready!(Pin::new(&mut self.handle).poll(context));
        // Panics are caught inside the job, so this is the end of the runtime.
        Poll::Ready(joined.unwrap_or_else(|_| {
            Err(TaskFailed {
                task: self.task,
                cause: "was aborted: the process is ending".to_owned(),
            })
        }))
    }
}
