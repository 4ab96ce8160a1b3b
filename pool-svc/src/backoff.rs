//! How creations slow down while they fail: of this process, and forgotten when it ends.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Pause after the first failure; it doubles with each further one.
const FIRST: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST: Duration = Duration::from_mins(5);

/// Whether creations may begin, and what the last one failed with.
#[derive(Debug, Default)]
pub(crate) struct Backoff(Mutex<Option<Failing>>);

#[derive(Debug, Clone)]
struct Failing {
    in_a_row: u32,
    retry_at: Instant,
    error: String,
}

impl Backoff {
    /// How many creations may begin now: any number, one to try it, or none.
    pub(crate) fn allows(&self) -> u32 {
        match &*self.lock() {
            None => u32::MAX,
            Some(failing) if Instant::now() < failing.retry_at => 0,
            Some(_) => 1,
        }
    }

    pub(crate) fn succeeded(&self) {
        *self.lock() = None;
    }

    /// The pool is full. Once the pause is over there is nothing to try again: another replica has made
    /// what failed here, or nobody misses it.
    pub(crate) fn nothing_is_missing(&self) {
        if self.allows() > 0 {
            self.succeeded();
        }
    }

    /// Creations that fail side by side count as one: they began before anybody knew.
    pub(crate) fn failed(&self, error: String) {
        let mut state = self.lock();
        let now = Instant::now();
        *state = Some(match state.take() {
            Some(failing) if now < failing.retry_at => Failing { error, ..failing },
            earlier => {
                let in_a_row = earlier
                    .map_or(0, |failing| failing.in_a_row)
                    .saturating_add(1);
                let pause = FIRST
                    .saturating_mul(1 << (in_a_row - 1).min(16))
                    .min(LONGEST);
                Failing {
                    in_a_row,
                    retry_at: now + pause,
                    error,
                }
            }
        });
    }

    /// What creations fail with, how often, and when the next may begin; `None` while they succeed.
    pub(crate) fn shown(&self) -> Option<String> {
        self.lock().as_ref().map(|failing| {
            let wait = failing.retry_at.saturating_duration_since(Instant::now());
            let seconds = wait.as_secs_f64().ceil();
            let Failing {
                in_a_row, error, ..
            } = failing;
            format!("failed {in_a_row} times in a row, next try in {seconds} s: {error}")
        })
    }

    /// What a panic left is still true.
    fn lock(&self) -> MutexGuard<'_, Option<Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_pause_doubles_up_to_its_limit_and_then_one_may_try() {
        let backoff = Backoff::default();
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            backoff.failed("no".to_owned());
            advance(Duration::from_secs(seconds) - Duration::from_millis(1)).await;
            assert_eq!(backoff.allows(), 0, "{seconds}");
            advance(Duration::from_millis(1)).await;
            assert_eq!(backoff.allows(), 1, "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_is_missing_a_failure_is_shown_for_its_pause() {
        let backoff = Backoff::default();
        backoff.failed("no".to_owned());
        backoff.nothing_is_missing();
        assert!(backoff.shown().is_some());
        advance(FIRST).await;
        backoff.nothing_is_missing();
        assert_eq!(backoff.shown(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_side_by_side_count_once_and_a_success_ends_it() {
        let backoff = Backoff::default();
        for error in ["one", "two", "three"] {
            backoff.failed(error.to_owned());
        }
        let shown = backoff.shown().unwrap();
        assert_eq!(shown, "failed 1 times in a row, next try in 1 s: three");
        backoff.succeeded();
        assert_eq!((backoff.allows(), backoff.shown()), (u32::MAX, None));
    }
}
