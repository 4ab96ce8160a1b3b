//! Bounds one attempt. Place in the order: around the guard, so that a timeout drops the guarded attempt.

use std::future::Future;
use std::time::Duration;

use crate::{Context, Effect, ErrorKind, ProviderError};

/// Runs `attempt` with a context that ends after `limit`, or earlier if `cx` does, and drops the attempt then.
pub(super) async fn timeout<T, F>(
    limit: Duration,
    cx: &Context,
    attempt: impl FnOnce(Context) -> F,
) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let cx = cx.within(limit);
    let left = cx.remaining().unwrap_or(limit);
    if left.is_zero() {
        return Err(too_late("no time was left to begin").with_effect(Effect::NotDone));
    }
    tokio::time::timeout(left, attempt(cx))
        .await
        .unwrap_or_else(|_| Err(too_late(format!("not done within {} ms", left.as_millis()))))
}

pub(super) fn too_late(problem: impl Into<std::borrow::Cow<'static, str>>) -> ProviderError {
    ProviderError::new(ErrorKind::Unavailable, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::stack::tests::context;

    #[tokio::test(start_paused = true)]
    async fn a_hanging_attempt_ends_and_may_have_had_an_effect() {
        let hang = |_| std::future::pending::<Result<(), ProviderError>>();
        let error = timeout(Duration::from_secs(5), &context(), hang)
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::Unavailable, Effect::Unknown)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_after_the_deadline() {
        let cx = context().within(Duration::ZERO);
        let error = timeout(Duration::from_secs(5), &cx, |_| async { Ok(()) })
            .await
            .unwrap_err();
        assert_eq!(error.effect(), Effect::NotDone);
    }

    #[tokio::test(start_paused = true)]
    async fn the_attempt_knows_its_limit() {
        let remaining_time = |cx: Context| async move { Ok(cx.remaining()) };
        let left = timeout(Duration::from_secs(5), &context(), remaining_time)
            .await
            .unwrap();
        assert_eq!(left, Some(Duration::from_secs(5)));
    }
}
