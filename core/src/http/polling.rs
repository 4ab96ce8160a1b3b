//! Waiting for work that a vendor accepts now and carries out later.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Api, ProviderResult};
use crate::settings::Millis;
use crate::{ErrorKind, ProviderError};

/// How often and how long to ask a vendor for the result of work that it carries out later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// The pause between two requests.
    pub interval: Duration,
    /// The total time; the context may allow less.
    pub timeout: Duration,
}

impl Polling {
    /// From two settings, such as `ACME_POLL_MS` and `ACME_POLL_TIMEOUT_MS`.
    #[must_use]
    pub const fn new(interval: Millis, timeout: Millis) -> Self {
        Self {
            interval: interval.duration(),
            timeout: timeout.duration(),
        }
    }
}

impl Api<'_> {
    /// Calls `look` until it returns something.
    ///
    /// This is for work that a vendor finishes after its answer, such as a pending order. It is not a retry: the
    /// first error ends it, except for [`ErrorKind::NotFound`], which means "not yet".
    ///
    /// ```
    /// # use agent_pool_core::prelude::*;
    /// async fn number(api: Api<'_>, order: &str, polling: Polling) -> ProviderResult<String> {
    ///     // The order answers `{"number": null}` while it is pending.
    ///     let look = || async {
    ///         let order: Value = api.get(["orders", order]).fetch().await?;
    ///         Ok(order["number"].as_str().map(str::to_owned))
    ///     };
    ///     api.poll(polling, "the order is still pending", look).await
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of `look`, and [`ErrorKind::Unavailable`] with the message `late` when the time limit has passed. A
    /// later call can continue from there.
    pub async fn poll<T, F>(
        self,
        polling: Polling,
        late: &'static str,
        look: impl Fn() -> F,
    ) -> ProviderResult<T>
    where
        F: Future<Output = ProviderResult<Option<T>>>,
    {
        let Polling { interval, timeout } = polling;
        let limit = self
            .cx()
            .remaining()
            .map_or(timeout, |left| timeout.min(left));
        let end = Instant::now() + limit;
        loop {
            match look().await {
                Ok(Some(found)) => return Ok(found),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(None) | Err(_) => {}
            }
            if Instant::now() + interval >= end {
                return Err(ProviderError::new(ErrorKind::Unavailable, late));
            }
            sleep(interval.max(Duration::from_millis(1))).await;
        }
    }

    /// Waits until each of `operations` is finished, one after the other, within one common time limit.
    ///
    /// This is for a vendor that answers a creation or deletion with the ids of operations that it carries out later.
    /// `is_finished` checks one operation; it returns an error if the operation failed.
    ///
    /// ```
    /// # use agent_pool_core::prelude::*;
    /// async fn finish<'o>(api: Api<'_>, operations: &'o [String], polling: Polling) -> ProviderResult<()> {
    ///     let is_finished = |id: &'o String| async move {
    ///         let operation: Value = api.get(["operations", id.as_str()]).fetch().await?;
    ///         match operation["status"].as_str() {
    ///             Some("finished") => Ok(true),
    ///             Some("failed") => Err(ErrorKind::Conflict.because("the operation failed")),
    ///             _ => Ok(false),
    ///         }
    ///     };
    ///     api.await_all(polling, "the operation is not finished yet", operations, is_finished).await
    /// }
    /// ```
    ///
    /// # Errors
    /// Like [`Api::poll`].
    pub async fn await_all<'o, T, F>(
        self,
        polling: Polling,
        late: &'static str,
        operations: &'o [T],
        is_finished: impl Fn(&'o T) -> F,
    ) -> ProviderResult<()>
    where
        F: Future<Output = ProviderResult<bool>>,
    {
        let end = Instant::now() + polling.timeout;
        for operation in operations {
            let left = Polling {
                timeout: end.saturating_duration_since(Instant::now()),
                ..polling
            };
            let look = || async { Ok(is_finished(operation).await?.then_some(())) };
            self.poll(left, late, look).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::http::VendorHttp;
    use crate::{Context, Mark};

    const POLLING: Polling = Polling {
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(10),
    };

    fn context() -> Context {
        let http = crate::http::bare_builder().build().unwrap();
        Context::new(Mark::new(&"dev".parse().unwrap()), http)
    }

    fn vendor() -> VendorHttp {
        VendorHttp::new("http://localhost".parse().unwrap())
    }

    /// Polls for something that exists from the given attempt on. Returns the result and the total time.
    async fn found_at(attempt: u32, left: Option<Duration>) -> (ProviderResult<u32>, Duration) {
        let (vendor, cx) = (vendor(), context());
        let cx = left.map_or_else(|| cx.clone(), |left| cx.within(left));
        let (attempts, start) = (AtomicU32::new(0), Instant::now());
        let found = vendor.on(&cx).poll(POLLING, "not there yet", || async {
            match attempts.fetch_add(1, Ordering::Relaxed) + 1 {
                now if now >= attempt => Ok(Some(now)),
                now if now % 2 == 0 => Ok(None),
                _ => Err(ProviderError::new(ErrorKind::NotFound, "")),
            }
        });
        (found.await, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn polling_continues_until_the_time_is_over() {
        let (found, took) = found_at(1, None).await;
        assert_eq!((found.unwrap(), took), (1, Duration::ZERO));
        let (found, took) = found_at(4, None).await;
        assert_eq!((found.unwrap(), took), (4, Duration::from_secs(3)));
        let (found, took) = found_at(99, None).await;
        assert!(took < POLLING.timeout, "{took:?}");
        let error = found.unwrap_err();
        assert!(error.to_string().ends_with("not there yet"), "{error}");
        assert!(error.is_transient());
    }

    #[tokio::test(start_paused = true)]
    async fn polling_never_outlives_the_context() {
        let (found, took) = found_at(99, Some(Duration::from_secs(3))).await;
        assert!(found.is_err() && took <= Duration::from_secs(3), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn every_operation_is_awaited_within_one_limit() {
        let (vendor, cx, start) = (vendor(), context(), Instant::now());
        let after = |seconds: &u64| {
            let due = start + Duration::from_secs(*seconds);
            async move { Ok(Instant::now() >= due) }
        };
        let api = vendor.on(&cx);
        api.await_all(POLLING, "late", &[3, 2, 6], after)
            .await
            .unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(6));
        let error = api
            .await_all(POLLING, "late", &[9, 99], after)
            .await
            .unwrap_err();
        assert!(
            error.is_transient() && start.elapsed() < Duration::from_secs(17),
            "{error}"
        );
        let failed = |_: &u64| async { Err(ErrorKind::Conflict.because("it failed")) };
        let error = api
            .await_all(POLLING, "late", &[1], failed)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
}
