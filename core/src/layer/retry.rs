//! Repeats calls that failed with a transient error. Place in the order: around the limit and the timeout.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::sleep;
use tracing::info;

use super::operation::{Nature, Operation};
use crate::{Attempt, Context, Effect, ProviderError};

/// If a vendor asks for a longer wait, the error is returned to the caller.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Runs `attempt` until it succeeds, fails for good, or attempts or time are used up. Waits grow from a quarter of a
/// second to ten seconds with jitter, on top of what the vendor asks for. The returned error is marked as spent, so
/// that no outer layer tries again. A repeated call is an [`Attempt::Later`], because an earlier one may have had an
/// effect.
pub(super) async fn retry<T, F>(
    provider: &str,
    operation: Operation<'_>,
    max_attempts: NonZeroU32,
    cx: &Context,
    attempt: impl Fn(Context) -> F,
) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(10))
        .with_max_times(usize::try_from(max_attempts.get() - 1).unwrap_or(usize::MAX))
        .with_jitter();
    let attempts = AtomicU32::new(0);
    let next_attempt = || match attempts.fetch_add(1, Ordering::Relaxed) {
        0 => attempt(cx.clone()),
        _ => attempt(cx.with_attempt(Attempt::Later)),
    };
    let outcome = next_attempt
        .retry(pauses)
        .sleep(sleep)
        .when(|error| may_repeat(operation.nature, error))
        .adjust(|error: &ProviderError, pause| {
            let wait = pause? + error.retry_after().unwrap_or_default();
            let in_time = cx.remaining().is_none_or(|left| wait < left);
            (wait <= LONGEST_WAIT && in_time).then_some(wait)
        })
        .notify(|error, wait| {
            announce(
                provider,
                operation.name,
                attempts.load(Ordering::Relaxed),
                error,
                wait,
            );
        })
        .await;
    outcome.map_err(|error| error.spent(attempts.into_inner()))
}

fn announce(
    provider: &str,
    operation: &'static str,
    attempt: u32,
    error: &ProviderError,
    wait: Duration,
) {
    let kind = error.kind().as_str();
    metrics::counter!(
        "agent_pool_provider_retries_total",
        "provider" => provider.to_owned(), "operation" => operation, "outcome" => kind
    )
    .increment(1);
    info!(
        attempt,
        error.kind = kind,
        wait_ms = wait.as_millis(),
        "{provider} {operation} will be tried again: {error}"
    );
}

/// A call that certainly did not happen may be repeated; one that may have happened, only if repeating it is
/// harmless.
fn may_repeat(nature: Nature, error: &ProviderError) -> bool {
    let harmless = match nature {
        Nature::Read | Nature::Repeatable => true,
        Nature::Once => error.effect() == Effect::NotDone,
    };
    harmless && error.is_transient() && !error.is_spent()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::ErrorKind;
    use crate::layer::stack::tests::context;

    fn down() -> ProviderError {
        ProviderError::new(ErrorKind::Unavailable, "down")
    }

    /// Number of attempts of an operation that fails this way, and the time that they took.
    async fn tries(
        nature: Nature,
        cx: &Context,
        fail: impl Fn() -> ProviderError,
    ) -> (u32, Duration, ProviderError) {
        let count = AtomicU32::new(0);
        let start = Instant::now();
        let attempt = |_| async {
            count.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(fail())
        };
        let four = NonZeroU32::new(4).unwrap();
        let operation = Operation::new("provision", None, nature);
        let error = retry("acme", operation, four, cx, attempt)
            .await
            .unwrap_err();
        (count.into_inner(), start.elapsed(), error)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_down_is_tried_four_times_and_the_error_is_spent() {
        let (count, took, error) = tries(Nature::Repeatable, &context(), down).await;
        assert_eq!(count, 4);
        assert!(took >= Duration::from_millis(250 + 500 + 1_000), "{took:?}");
        assert!(error.is_spent());
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_error_is_not_retried() {
        for kind in [
            ErrorKind::Invalid,
            ErrorKind::Unauthorized,
            ErrorKind::Forbidden,
            ErrorKind::Protocol,
        ] {
            let fail = || ProviderError::new(kind, "");
            assert_eq!(tries(Nature::Read, &context(), fail).await.0, 1, "{kind:?}");
        }
        assert_eq!(
            tries(Nature::Read, &context(), || down().spent(2)).await.0,
            1,
            "spent"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_happened_is_repeated_only_where_that_does_no_harm() {
        assert_eq!(tries(Nature::Once, &context(), down).await.0, 1);
        let refused = || down().with_effect(Effect::NotDone);
        assert_eq!(tries(Nature::Once, &context(), refused).await.0, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_repeated_call_is_never_the_first_attempt() {
        let attempts = std::sync::Mutex::new(Vec::new());
        let operation = Operation::new("provision", None, Nature::Repeatable);
        let first = context().with_attempt(Attempt::First);
        let two = NonZeroU32::new(2).unwrap();
        let fail = async |cx: Context| {
            attempts.lock().unwrap().push(cx.attempt());
            Err::<(), _>(down())
        };
        retry("acme", operation, two, &first, fail)
            .await
            .unwrap_err();
        assert_eq!(
            attempts.into_inner().unwrap(),
            [Attempt::First, Attempt::Later]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_vendors_wish_to_wait_is_honoured() {
        let limited = |seconds| {
            move || {
                let error = ProviderError::new(ErrorKind::RateLimited, "slow down");
                error.with_retry_after(Duration::from_secs(seconds))
            }
        };
        let (count, took, _) = tries(Nature::Read, &context(), limited(7)).await;
        assert!(
            count == 4 && took >= Duration::from_secs(21),
            "{count} {took:?}"
        );
        let (count, took, _) = tries(Nature::Read, &context(), limited(61)).await;
        assert!(
            count == 1 && took.is_zero(),
            "too long to wait here: {count} {took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_beyond_the_deadline() {
        let cx = context().within(Duration::from_secs(1));
        let (count, took, _) = tries(Nature::Read, &cx, down).await;
        assert!(
            count < 4 && took < Duration::from_secs(1),
            "{count} {took:?}"
        );
    }
}
