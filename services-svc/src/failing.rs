//! The instances that failed their last health check, as seen by this replica.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_pool_core::InstanceId;
use tokio::time::Instant;

/// Failing instances, and when each was last checked.
#[derive(Debug, Default)]
pub(crate) struct Failing(Mutex<HashMap<InstanceId, Instant>>);

impl Failing {
    /// When this instance was last checked, if it failed then.
    pub(crate) fn asked(&self, instance: &InstanceId) -> Option<Instant> {
        self.lock().get(instance).copied()
    }

    /// Records the result of a health check.
    pub(crate) fn note(&self, instance: &InstanceId, failed: bool) {
        if failed {
            self.lock().insert(instance.clone(), Instant::now());
        } else {
            self.lock().remove(instance);
        }
    }

    /// Removes all instances for which `is_there` is false.
    pub(crate) fn keep(&self, is_there: impl Fn(&InstanceId) -> bool) {
        self.lock().retain(|instance, _| is_there(instance));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InstanceId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
