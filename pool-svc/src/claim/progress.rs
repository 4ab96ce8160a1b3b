//! What a claim tells while it goes on.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{ClaimProgress, ClaimStep, ClaimWaiting};
use tokio::sync::mpsc::UnboundedSender;

/// One thing told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Waiting(ClaimWaiting),
    Step(ClaimProgress),
}

/// Where a claim tells how far it is. Whether anybody still listens makes no difference to it.
#[derive(Debug, Default)]
pub(crate) struct Progress(Option<UnboundedSender<Told>>);

impl Progress {
    pub(super) const fn to(listener: UnboundedSender<Told>) -> Self {
        Self(Some(listener))
    }

    /// Tells that so many are served before this claim.
    pub(super) fn waiting(&self, ahead: usize) {
        let position = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
        self.tell(Told::Waiting(ClaimWaiting { position }));
    }

    /// Tells of a step that is done.
    pub(super) fn done(&self, step: ClaimStep, id: &InstanceId) {
        let instance_id = id.clone();
        self.tell(Told::Step(ClaimProgress { step, instance_id }));
    }

    fn tell(&self, told: Told) {
        if let Some(listener) = &self.0 {
            let _ = listener.send(told);
        }
    }
}
