//! Catches panics of a provider, so that they do not reach its caller.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// A caught panic, with its message if that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked(Option<&'static str>);

impl Panicked {
    /// Only a literal message is repeated: a formatted one may contain a secret.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it ends here, whatever it holds"
    )]
    fn from_payload(payload: Box<dyn Any + Send>) -> Self {
        Self(payload.downcast_ref::<&'static str>().copied())
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, "panicked: {text}"),
            None => f.write_str("panicked: see standard error"),
        }
    }
}

/// The output of `future`. If it panics, it is dropped, as if it had been cancelled.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|cx| match caught_now(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// The result of `call`.
pub(crate) fn caught_now<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(Panicked::from_payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_after_a_wait_is_told_if_its_text_is_of_the_source() {
        let panics = async |text: Option<String>| {
            tokio::task::yield_now().await;
            match text {
                Some(text) => panic!("{text}"),
                None => panic!("no such case"),
            }
        };
        let shown = caught(panics(None)).await.unwrap_err().to_string();
        assert_eq!(shown, "panicked: no such case");
        let secret = caught(panics(Some("hunter2".to_owned()))).await;
        let secret = secret.unwrap_err().to_string();
        assert_eq!(secret, "panicked: see standard error");
    }
}
