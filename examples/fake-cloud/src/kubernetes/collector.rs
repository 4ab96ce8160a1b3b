//! The garbage collector: deletes objects some time after their owners.

use serde_json::Value;

use super::delete::owner;
use super::state::State;
use super::target::Key;

impl State {
    pub(super) fn collect(&mut self) {
        let orphans = self.objects.iter().filter(|(_, object)| {
            object.value["metadata"]["deletionTimestamp"].is_null() && self.is_orphan(&object.value)
        });
        let orphans: Vec<Key> = orphans.map(|(key, _)| key.clone()).collect();
        for key in orphans {
            self.begin_deletion(&key, false);
        }
        self.end_deletions();
    }

    /// Whether it has owners, and each of them is deleted, or is being deleted and waits for it.
    fn is_orphan(&self, value: &Value) -> bool {
        let owners = value["metadata"]["ownerReferences"].as_array();
        let Some(owners) = owners.filter(|owners| !owners.is_empty()) else {
            return false;
        };
        owners.iter().all(|reference| {
            let found = self
                .objects
                .values()
                .find(|other| other.value["metadata"]["uid"] == reference["uid"]);
            found.is_none_or(|owner_object| {
                let metadata = &owner_object.value["metadata"];
                let waits = metadata["finalizers"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one == "foregroundDeletion"));
                waits && self.is_due(owner_object) && owner(value, Some(&metadata["uid"])).is_some()
            })
        })
    }
}
