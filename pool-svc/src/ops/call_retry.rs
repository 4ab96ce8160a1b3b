//! Repeats of a call of Services: which failures are temporary, and when the call is repeated.
//!
//! If Services is down, or is still working on the instance for a replica that died, that says nothing about the
//! instance or its vendors. So it does not count as a failure: the call is repeated until Services is back.

use std::time::Duration;

use agent_pool_client::CallError;
use agent_pool_core::chain;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use tokio::time::Instant;
use tracing::{debug, warn};

/// First pause before a call is repeated; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest such pause, and so the longest delay after Services is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often the connection of one call may break. A proxy in front of a Services that is down may also break
/// connections; but a request that crashes Services must not do so for ever.
const MAX_BROKEN: u32 = 10;

/// The repeats of one call.
#[derive(Debug)]
pub(crate) struct CallRetry {
    /// The operation, for the log.
    what: String,
    pause: Duration,
    broken: u32,
    /// How long the instance may stay busy.
    busy_until: Instant,
}

impl CallRetry {
    /// `busy_for` is how long to wait for another operation on the instance.
    pub(crate) fn new(what: String, busy_for: Duration) -> Self {
        Self {
            what,
            pause: FIRST_PAUSE,
            broken: 0,
            busy_until: Instant::now() + busy_for,
        }
    }

    /// How long to wait before the call is repeated; `None` if `failure` is final.
    pub(crate) fn pause_after(&mut self, failure: &CallError) -> Option<Duration> {
        let repeat = match failure {
            CallError::Unreachable { .. } => true,
            CallError::Broken { .. } => {
                self.broken += 1;
                self.broken <= MAX_BROKEN
            }
            CallError::Refused { problem, .. } if problem.code == ProblemCode::InstanceBusy => {
                Instant::now() < self.busy_until
            }
            CallError::Refused { problem, .. } => is_of_gateway(problem),
            CallError::TimedOut { .. } | CallError::Unreadable { .. } => false,
        };
        if !repeat {
            return None;
        }
        let (what, chain) = (&self.what, chain(failure));
        if self.pause == FIRST_PAUSE {
            warn!(error.chain = chain, "retrying {what}: {failure}");
        } else {
            debug!(error.chain = chain, "retrying {what} again: {failure}");
        }
        let pause = self.pause;
        self.pause = LONGEST_PAUSE.min(pause * 2);
        Some(pause)
    }
}

/// Whether a load balancer answered in place of Services.
fn is_of_gateway(problem: &Problem) -> bool {
    problem.code == ProblemCode::WithoutCode && matches!(problem.status, 502..=504)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "Services";

    fn refused(code: ProblemCode, status: u16) -> CallError {
        CallError::Refused {
            service: SERVICE,
            problem: Box::new(Problem::new(code, "x").with_status(status)),
        }
    }

    fn broken() -> CallError {
        CallError::Broken {
            service: SERVICE,
            reason: "reset".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_services_that_is_away_or_busy_is_asked_again() {
        let unreachable = CallError::Unreachable {
            service: SERVICE,
            url: Box::new("http://h".parse().unwrap()),
            reason: "refused".to_owned(),
        };
        let timed_out = CallError::TimedOut {
            service: SERVICE,
            after: Duration::ZERO,
        };
        for (failure, again) in [
            (unreachable, true),
            (broken(), true),
            (refused(ProblemCode::InstanceBusy, 409), true),
            (refused(ProblemCode::WithoutCode, 503), true),
            (refused(ProblemCode::WithoutCode, 500), false),
            (refused(ProblemCode::VendorUnavailable, 503), false),
            (timed_out, false),
        ] {
            let mut retry = CallRetry::new("x".to_owned(), Duration::from_secs(1));
            assert_eq!(retry.pause_after(&failure).is_some(), again, "{failure}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_second() {
        let mut retry = CallRetry::new("x".to_owned(), Duration::from_hours(1));
        let busy = refused(ProblemCode::InstanceBusy, 409);
        let mut next = || retry.pause_after(&busy).unwrap().as_millis();
        let pauses = [next(), next(), next(), next(), next(), next()];
        assert_eq!(pauses, [100, 200, 400, 800, 1_000, 1_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_stays_busy_and_a_request_that_breaks_services_are_failures() {
        let mut retry = CallRetry::new("x".to_owned(), Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        let busy = refused(ProblemCode::InstanceBusy, 409);
        assert_eq!(retry.pause_after(&busy), None);
        let repeated = (0..99).filter(|_| retry.pause_after(&broken()).is_some());
        assert_eq!(repeated.count(), 10);
    }
}
