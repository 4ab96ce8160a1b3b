//! Limits the rate and the concurrency of attempts, and pauses them while the vendor wants fewer calls. Place in the
//! order: around the timeout, so that waiting does not use up an attempt's time, and inside retry, so that no permit
//! is held while backing off.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    pause: Mutex<Pause>,
}

/// The pause of all attempts after a vendor refused one as rate limited without saying for how long. It doubles with
/// each further refusal, and ends with the first success.
#[derive(Debug)]
struct Pause {
    until: Instant,
    length: Duration,
}

impl Pause {
    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);
}

impl Limit {
    pub(super) fn new(settings: &LayerSettings) -> Self {
        let at_once = usize::try_from(settings.max_concurrent.get());
        Self {
            rate: settings.rate_per_minute.map(Rate::per_minute),
            pause: Mutex::new(Pause {
                until: Instant::now(),
                length: Duration::ZERO,
            }),
            at_once: Semaphore::new(at_once.map_or(Semaphore::MAX_PERMITS, |at_once| {
                at_once.min(Semaphore::MAX_PERMITS)
            })),
        }
    }

    /// Waits for a permit, which counts until it is dropped.
    ///
    /// The turn is taken after the permit: if it were taken first, turns taken while waiting for permits would all be
    /// used at once when permits are released.
    pub(super) async fn admit(&self, cx: &Context) -> Result<SemaphorePermit<'_>, ProviderError> {
        let permit = before_the_deadline(cx, self.at_once.acquire()).await?;
        let permit = permit.map_err(|_| {
            too_late("the provider is being shut down").with_effect(Effect::NotDone)
        })?;
        self.wait_for_pause(cx).await?;
        if let Some(rate) = &self.rate {
            rate.turn(cx).await?;
        }
        Ok(permit)
    }

    async fn wait_for_pause(&self, cx: &Context) -> Result<(), ProviderError> {
        loop {
            let until = self.lock_pause().until;
            let wait = until.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Ok(());
            }
            if cx.remaining().is_some_and(|left| wait >= left) {
                let problem =
                    "the vendor wants fewer calls, and its pause is longer than this call may take";
                return Err(ErrorKind::RateLimited
                    .because(problem)
                    .with_retry_after(wait));
            }
            sleep_until(until).await;
        }
    }

    /// Decides from the outcome of an attempt whether all others have to pause.
    ///
    /// A refusal that says how long it lasts is left to its caller: it may apply to one kind of call only.
    pub(super) fn note<T>(&self, outcome: Result<T, ProviderError>) -> Result<T, ProviderError> {
        let mut pause = self.lock_pause();
        let now = Instant::now();
        // A call that began before the pause does not show whether the vendor accepts calls again.
        let paused = pause.until > now;
        match outcome {
            Err(error)
                if error.kind() == ErrorKind::RateLimited && error.retry_after().is_none() =>
            {
                if !paused {
                    pause.length = (pause.length * 2).clamp(Pause::SHORTEST, Pause::LONGEST);
                    pause.until = now + pause.length;
                }
                Err(error.with_retry_after(pause.until - now))
            }
            outcome => {
                if outcome.is_ok() && !paused {
                    pause.length = Duration::ZERO;
                }
                outcome
            }
        }
    }

    fn lock_pause(&self) -> MutexGuard<'_, Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The output of `waiting`, or an error if the deadline comes first; nothing was done then.
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

/// Turns at even intervals. Unused turns of the last second may be used later.
///
/// Not from a crate, because it uses tokio's clock, which tests can pause.
#[derive(Debug)]
pub struct Rate {
    distance: Duration,
    next: Mutex<Instant>,
}

impl Rate {
    const CATCH_UP: Duration = Duration::from_secs(1);

    fn per_minute(count: NonZeroU32) -> Self {
        Self::new(count, Duration::from_secs(60))
    }

    /// `count` turns in each `window`.
    #[must_use]
    pub fn new(count: NonZeroU32, window: Duration) -> Self {
        Self {
            distance: window / count.get(),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the next free turn and takes it.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`] if the turn would come after the deadline.
    pub async fn turn(&self, cx: &Context) -> Result<(), ProviderError> {
        let turn = self.book(cx.remaining())?;
        sleep_until(turn).await;
        Ok(())
    }

    /// The time of the next free turn. A turn that would come too late is not taken.
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

    fn refused() -> Result<(), ProviderError> {
        Err(ErrorKind::RateLimited.because("too many"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_without_a_time_pauses_all_attempts_and_each_further_one_for_longer() {
        let (limit, cx) = (Limit::new(&settings()), context());
        let mut waits = Vec::new();
        for _ in 0..3 {
            let error = limit.note(refused()).unwrap_err();
            waits.push(error.retry_after().unwrap().as_secs());
            // An attempt that ran at the same time.
            limit.note(refused()).unwrap_err();
            let start = Instant::now();
            drop(limit.admit(&cx).await.unwrap());
            waits.push(start.elapsed().as_secs());
        }
        assert_eq!(waits, [1, 1, 2, 2, 4, 4]);
        limit.note(Ok(())).unwrap();
        let error = limit.note(refused()).unwrap_err();
        assert_eq!(
            error.retry_after(),
            Some(Pause::SHORTEST),
            "a success ends it"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_pauses_no_other_call() {
        let (limit, cx) = (Limit::new(&settings()), context());
        let quota = ErrorKind::RateLimited.because("one project in 30 s");
        let quota = quota.with_retry_after(Duration::from_secs(30));
        limit.note(Err::<(), _>(quota)).unwrap_err();
        let start = Instant::now();
        drop(limit.admit(&cx).await.unwrap());
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_with_less_time_than_the_pause_is_refused_at_once() {
        let limit = Limit::new(&settings());
        limit.note(refused()).unwrap_err();
        let soon = context().within(Duration::from_millis(500));
        let error = limit.admit(&soon).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.effect(), Effect::NotDone);
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
    async fn concurrency_is_limited() {
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
