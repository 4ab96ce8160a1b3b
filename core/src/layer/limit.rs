//! Admits attempts, by rate and by number at once. Place in the order: around the timeout, so that waiting
//! does not use up an attempt's time, and inside retry, so that nothing is held while backing off.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use super::LayerSettings;
use super::timeout::too_late;
use crate::{Context, Effect, ErrorKind, ProviderError};

#[derive(Debug)]
pub(super) struct Limit {
    rate: Option<Rate>,
    at_once: Semaphore,
}

impl Limit {
    pub(super) fn new(settings: &LayerSettings) -> Self {
        let at_once = usize::try_from(settings.max_concurrent.get());
        Self {
            rate: settings.rate_per_minute.map(Rate::per_minute),
            at_once: Semaphore::new(at_once.map_or(Semaphore::MAX_PERMITS, |at_once| {
                at_once.min(Semaphore::MAX_PERMITS)
            })),
        }
    }

    /// Waits for a permit, which counts until it is dropped.
    ///
    /// The turn comes after the permit: turns taken by those who wait for permits would be used all at
    /// once when the permits come free.
    pub(super) async fn admit(&self, cx: &Context) -> Result<SemaphorePermit<'_>, ProviderError> {
        let permit = before_the_deadline(cx, self.at_once.acquire()).await?;
        let permit = permit.map_err(|_| {
            too_late("the provider is being shut down").with_effect(Effect::NotDone)
        })?;
        if let Some(rate) = &self.rate {
            rate.turn(cx).await?;
        }
        Ok(permit)
    }
}

/// What `waiting` yields, unless the deadline comes first: then nothing was done.
pub(super) async fn before_the_deadline<T>(
    cx: &Context,
    waiting: impl Future<Output = T>,
) -> Result<T, ProviderError> {
    let Some(left) = cx.remaining() else {
        return Ok(waiting.await);
    };
    let waited = tokio::time::timeout(left, waiting).await;
    waited.map_err(|_| too_late("its turn did not come in time").with_effect(Effect::NotDone))
}

/// Turns at even distances; what was not used in the last second may be made up for.
///
/// Our own and not a crate's, because it goes by tokio's clock, which tests can pause.
#[derive(Debug)]
struct Rate {
    distance: Duration,
    next: Mutex<Instant>,
}

impl Rate {
    const CATCH_UP: Duration = Duration::from_secs(1);

    fn per_minute(count: NonZeroU32) -> Self {
        Self {
            distance: Duration::from_secs(60) / count.get(),
            next: Mutex::new(Instant::now()),
        }
    }

    async fn turn(&self, cx: &Context) -> Result<(), ProviderError> {
        let turn = self.book(cx.remaining())?;
        sleep_until(turn).await;
        Ok(())
    }

    /// The time of the next free turn. One that would come too late is not taken.
    fn book(&self, left: Option<Duration>) -> Result<Instant, ProviderError> {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = now.checked_sub(Self::CATCH_UP).unwrap_or(now);
        let turn = (*next).max(oldest);
        let wait = turn.saturating_duration_since(now);
        if left.is_some_and(|left| wait >= left) {
            let problem = "our own limit of calls a minute is used up";
            return Err(ProviderError::new(ErrorKind::RateLimited, problem).with_retry_after(wait));
        }
        *next = turn + self.distance;
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::layer::stack::tests::{context, settings};

    #[tokio::test(start_paused = true)]
    async fn turns_come_at_even_distances() {
        let rate = Rate::per_minute(NonZeroU32::new(60).unwrap());
        let start = Instant::now();
        for _ in 0..4 {
            rate.turn(&context()).await.unwrap();
        }
        assert!(
            start.elapsed() >= Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{:?}",
            start.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_refused_and_not_taken() {
        let rate = Rate::per_minute(NonZeroU32::MIN);
        rate.turn(&context()).await.unwrap();
        let soon = context().within(Duration::from_secs(5));
        for _ in 0..2 {
            let error = rate.turn(&soon).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RateLimited);
            assert!(
                error
                    .retry_after()
                    .is_some_and(|wait| wait <= Duration::from_secs(60))
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_waited_for_a_permit_do_not_begin_all_at_once() {
        let mut settings = settings();
        settings.max_concurrent = NonZeroU32::MIN;
        settings.rate_per_minute = NonZeroU32::new(60);
        let (limit, cx) = (Limit::new(&settings), context());
        let held = limit.admit(&cx).await.unwrap();
        let waiting = async {
            let begin = async || limit.admit(&cx).await.map(|_| Instant::now());
            let (one, two, three, four) = tokio::join!(begin(), begin(), begin(), begin());
            [one, two, three, four].map(Result::unwrap)
        };
        let release = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            drop(held);
        };
        let (begun, ()) = tokio::join!(waiting, release);
        assert!(begun[3] - begun[0] >= Duration::from_secs(2), "{begun:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_so_many_are_under_way() {
        let mut settings = settings();
        settings.max_concurrent = NonZeroU32::MIN;
        let limit = Arc::new(Limit::new(&settings));
        let held = limit.admit(&context()).await.unwrap();
        let soon = context().within(Duration::from_secs(1));
        let error = limit.admit(&soon).await.unwrap_err();
        assert_eq!(error.effect(), Effect::NotDone);
        drop(held);
        assert!(limit.admit(&context()).await.is_ok());
    }
}
