//! The infras whose webhooks this process received; [`crate::ops::follow_notices`] lists them again.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_pool_core::InfraId;
use tokio::sync::Notify;

/// The notices of this process that were not handled yet.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    changed: Mutex<BTreeSet<InfraId>>,
    arrived: Notify,
}

impl Notices {
    /// Requests that an infra is listed again.
    pub(crate) fn add(&self, infra: &InfraId) {
        self.lock().insert(infra.clone());
        self.arrived.notify_one();
    }

    /// Waits until one has been added.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// The infras to list again.
    pub(crate) fn take_changed(&self) -> BTreeSet<InfraId> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<InfraId>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
