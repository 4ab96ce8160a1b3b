//! Panics as values with their location.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use tracing::error;

thread_local! {
    /// Whether a [`catch_panic`] is polling on this thread: then its caller logs the panic.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    /// The location of the panic that is being caught.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panicked {
    message: String,
    location: Option<String>,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "panicked at {location}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

/// Logs every panic of this process on one line, except those inside `catch_panic`, which its caller logs.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(report_panic));
}

fn report_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string);
    if CATCHING.get() {
        LOCATION.set(location);
        return;
    }
    let panic = Panicked {
        message: message_of(info.payload()),
        location,
    };
    error!("{panic}");
}

/// Runs `future`; a panic inside it becomes an error.
pub(crate) async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let outer = CATCHING.replace(true);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        CATCHING.set(outer);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(payload) => Poll::Ready(Err(Panicked {
                message: message_of(&*payload),
                location: LOCATION.take(),
            })),
        }
    })
    .await
}

/// The text of a panic on one line: a newline in it could forge a log line.
fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_on_one_line() {
        let caught = catch_panic(async { panic!("first\nsecond {}", 2) }).await;
        let error: Panicked = caught.unwrap_err();
        assert_eq!(error.message, "first second 2");
        assert_eq!(catch_panic(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_caught_panic_does_not_stop_the_outer_catch() {
        let outer = catch_panic(async {
            let inner = catch_panic(async { panic!("inner") }).await;
            assert!(inner.is_err());
            assert!(CATCHING.get());
            panic!("outer")
        });
        let caught: Result<(), _> = outer.await;
        assert_eq!(caught.unwrap_err().message, "outer");
        assert!(!CATCHING.get());
    }
}
