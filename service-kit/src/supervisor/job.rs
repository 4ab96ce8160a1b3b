//! One piece of work that runs to its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use tokio::task::JoinHandle;

/// A running job. Dropping it leaves the job running; awaiting it gives the job's result.
#[derive(Debug)]
#[must_use = "await it, or drop it on purpose: the job runs on either way"]
pub struct Job<T> {
    task: &'static str,
    handle: JoinHandle<Result<T, TaskFailed>>,
}

/// A job that ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task {task} {cause}")]
pub struct TaskFailed {
    /// The name under which it was started.
    pub task: &'static str,
    /// What ended it, such as `panicked at src/x.rs:1:2: message`.
    pub cause: String,
}

/// A fault of this service. The supervisor has logged the cause, which callers need not see.
impl From<TaskFailed> for Problem {
    fn from(failed: TaskFailed) -> Self {
        let detail = format!(
            "task {} failed by a fault of this service: see its log",
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
        // The panics of a job are caught inside it: only the end of the runtime is left here.
        Poll::Ready(joined.unwrap_or_else(|_| {
            Err(TaskFailed {
                task: self.task,
                cause: "was cut off: the process is ending".to_owned(),
            })
        }))
    }
}
