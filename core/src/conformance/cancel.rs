//! Calls that are cancelled before they finish.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// The maximum number of polls; a call that needs more is not tested further.
pub(super) const POLLS: usize = 64;

/// Polls the future up to `times` times. Returns its output if it is ready by then, and drops it otherwise.
pub(super) async fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| {
        left = left.saturating_sub(1);
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_future_gets_as_many_polls_as_it_may_have() {
        let thrice = || async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(polled(thrice(), 2).await, None);
        assert_eq!(polled(thrice(), 3).await, Some(7));
    }
}
