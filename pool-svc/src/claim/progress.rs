//! What a claim reports while it goes on.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{ClaimProgress, ClaimStep, ClaimWaiting};
use tokio::sync::mpsc::UnboundedSender;

/// One report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProgressEvent {
    Waiting(ClaimWaiting),
    Step(ClaimProgress),
}

/// Where a claim reports its progress. It goes on whether or not anybody listens.
#[derive(Debug, Default)]
pub(crate) struct Progress(Option<UnboundedSender<ProgressEvent>>);

impl Progress {
    pub(super) const fn to(listener: UnboundedSender<ProgressEvent>) -> Self {
        Self(Some(listener))
    }

    /// Reports the place in the queue, behind `ahead` others.
    pub(super) fn waiting(&self, ahead: usize) {
        let position = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
        self.send(ProgressEvent::Waiting(ClaimWaiting { position }));
    }

    /// Reports a step that is done.
    pub(super) fn step_done(&self, step: ClaimStep, id: &InstanceId) {
        let instance_id = id.clone();
        self.send(ProgressEvent::Step(ClaimProgress { step, instance_id }));
    }

    fn send(&self, event: ProgressEvent) {
        if let Some(listener) = &self.0 {
            let _ = listener.send(event);
        }
    }
}
