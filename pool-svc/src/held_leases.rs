//! Which instances this replica works on: their leases are renewed together.
//!
//! A lease is short, so that another replica takes over soon after this one died. While this one lives,
//! one statement renews the leases of all creations, claims and destructions that it has under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_pool_core::InstanceId;

/// The instances that tasks of this replica work on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldLeases(Arc<Mutex<HashMap<InstanceId, usize>>>);

impl HeldLeases {
    /// Has the lease of an instance renewed until the returned guard is dropped.
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

    /// A panic while it was locked leaves it consistent.
    fn lock(&self) -> MutexGuard<'_, HashMap<InstanceId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One task that works on an instance. Two may overlap, when one hands over to the other.
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
