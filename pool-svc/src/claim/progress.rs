//! Progress reports of a claim, to its client and to the metrics.

use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{ClaimProgress, ClaimStep, ClaimWaiting};
use metrics::histogram;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProgressEvent {
    Waiting(ClaimWaiting),
    Step(ClaimProgress),
}

/// How a claim got its instance: the label `launch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Launch {
    /// It took none: it failed before that, or was answered from an earlier claim.
    None,
    /// One was idle.
    Warm,
    /// It waited in the queue.
    Waited,
}

impl Launch {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Warm => "warm",
            Self::Waited => "waited",
        }
    }
}

/// Where a claim reports its progress. The claim continues whether or not anybody listens.
#[derive(Debug)]
pub(crate) struct Progress {
    listener: Option<UnboundedSender<ProgressEvent>>,
    course: Mutex<Course>,
}

/// The state of the reports so far.
#[derive(Debug)]
struct Course {
    launch: Launch,
    /// When the last step ended.
    since: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Progress {
    fn new(listener: Option<UnboundedSender<ProgressEvent>>) -> Self {
        let course = Course {
            launch: Launch::None,
            since: Instant::now(),
        };
        Self {
            listener,
            course: Mutex::new(course),
        }
    }

    pub(super) fn to(listener: UnboundedSender<ProgressEvent>) -> Self {
        Self::new(Some(listener))
    }

    /// How the claim got its instance so far.
    pub(super) fn launch(&self) -> Launch {
        self.course().launch
    }

    /// Reports the place in the queue, with `ahead` claims in front.
    pub(super) fn waiting(&self, ahead: usize) {
        self.course().launch = Launch::Waited;
        let position = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
        self.send(ProgressEvent::Waiting(ClaimWaiting { position }));
    }

    /// Reports a step that is done.
    pub(super) fn step_done(&self, step: ClaimStep, id: &InstanceId) {
        self.course().end(step);
        let instance_id = id.clone();
        self.send(ProgressEvent::Step(ClaimProgress { step, instance_id }));
    }

    fn send(&self, event: ProgressEvent) {
        if let Some(listener) = &self.listener {
            let _ = listener.send(event);
        }
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Course {
    fn end(&mut self, step: ClaimStep) {
        if self.launch == Launch::None {
            self.launch = Launch::Warm;
        }
        let now = Instant::now();
        let took = now - std::mem::replace(&mut self.since, now);
        histogram!(
            "agent_pool_claim_step_seconds",
            "step" => step.as_str(), "launch" => self.launch.as_str()
        )
        .record(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_stood_in_the_queue_waited_and_any_other_one_found_a_warm_instance() {
        let id = InstanceId::generate();
        let progress = Progress::default();
        assert_eq!(progress.launch(), Launch::None);
        progress.step_done(ClaimStep::Taken, &id);
        assert_eq!(progress.launch(), Launch::Warm);
        let progress = Progress::default();
        progress.waiting(3);
        progress.step_done(ClaimStep::Taken, &id);
        assert_eq!(progress.launch(), Launch::Waited);
    }
}
