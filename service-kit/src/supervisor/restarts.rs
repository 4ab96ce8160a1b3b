//! When a loop is restarted, and when it counts as failing.

use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first failure; it doubles with each further one in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A run of this length resets the count of failures.
const SETTLED_AFTER: Duration = Duration::from_mins(1);
/// A single failure may be accidental, and a replica that is not ready gets no requests.
const FAILING_FROM: u32 = 2;

/// A loop that keeps failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingTask {
    /// Its name.
    pub task: &'static str,
    /// The cause of its last failure.
    pub cause: String,
}

/// The failures of one loop.
#[derive(Debug)]
pub(super) struct Restarts {
    failures: u32,
    cause: String,
    started: Instant,
    running: bool,
}

impl Restarts {
    /// The loop starts for the first time.
    pub(super) fn new() -> Self {
        Self {
            failures: 0,
            cause: String::new(),
            started: Instant::now(),
            running: true,
        }
    }

    pub(super) fn restart(&mut self) {
        self.started = Instant::now();
        self.running = true;
    }

    /// Records that the loop ended, and returns the pause before the restart.
    pub(super) fn fail(&mut self, cause: &str) -> Duration {
        if self.started.elapsed() >= SETTLED_AFTER {
            self.failures = 0;
        }
        let doublings = self.failures.min(16);
        self.failures += 1;
        cause.clone_into(&mut self.cause);
        self.running = false;
        (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE)
    }

    /// Why the loop counts as failing, if it does.
    pub(super) fn failing(&self) -> Option<&str> {
        let settled = self.running && self.started.elapsed() >= SETTLED_AFTER;
        (self.failures >= FAILING_FROM && !settled).then_some(self.cause.as_str())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_bound_and_a_settled_run_resets_them() {
        let mut restarts = Restarts::new();
        let pauses: Vec<_> = (0..40).map(|_| restarts.fail("x")).collect();
        assert_eq!(pauses[..3], [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]);
        assert_eq!(pauses[39], LONGEST_PAUSE);
        restarts.restart();
        advance(SETTLED_AFTER).await;
        assert_eq!(restarts.fail("x"), FIRST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_fails_from_the_second_failure_until_a_run_settles() {
        let mut restarts = Restarts::new();
        restarts.fail("first");
        assert_eq!(restarts.failing(), None);
        restarts.fail("second");
        assert_eq!(restarts.failing(), Some("second"));
        restarts.restart();
        assert_eq!(restarts.failing(), Some("second"));
        advance(SETTLED_AFTER).await;
        assert_eq!(restarts.failing(), None);
    }
}
