//! The instances that this replica is working on: their leases are renewed together.
//!
//! A lease is short, so that another replica takes over soon after this one dies. While this one lives, one statement
//! renews the leases of all its creations, claims and destructions in progress.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_pool_core::InstanceId;

/// The instances that tasks of this replica are working on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldLeases(Arc<Mutex<HashMap<InstanceId, usize>>>);

impl HeldLeases {
    /// The lease of the instance is renewed until the returned guard is dropped.
    pub(crate) fn hold(&self, id: &InstanceId) -> HeldLease {
        *self.lock().entry(id.clone()).or_default() += 1;
        HeldLease {
            leases: self.clone(),
            id: id.clone(),
        }
    }

    pub(crate) fn ids(&self) -> Vec<InstanceId> {
        self.lock().keys().cloned().collect()
    }

    /// A panic while the lock is held leaves the data consistent.
    fn lock(&self) -> MutexGuard<'_, HashMap<InstanceId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task that is working on an instance. Two may overlap when one hands over to the other.
#[derive(Debug)]
pub(crate) struct HeldLease {
    leases: HeldLeases,
    id: InstanceId,
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        let mut held = self.leases.lock();
        if let Some(tasks) = held.get_mut(&self.id) {
            *tasks -= 1;
            if *tasks == 0 {
                held.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_held_until_its_last_task_has_ended() {
        let leases = HeldLeases::default();
        let id = InstanceId::generate();
        let (creation, destruction) = (leases.hold(&id), leases.hold(&id));
        drop(creation);
        assert_eq!(leases.ids(), std::slice::from_ref(&id));
        drop(destruction);
        assert_eq!(leases.ids(), []);
    }
}
