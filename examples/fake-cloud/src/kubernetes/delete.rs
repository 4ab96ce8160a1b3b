//! Deletions: first the timestamp is set, then the finalizers are removed, and only then the object is deleted.

use serde_json::{Value, json};

use super::state::{State, seconds};
use super::status::{not_found, refuse};
use super::target::{Key, Resource};
use crate::http::{Answer, Request};

const FOREGROUND: &str = "foregroundDeletion";

impl State {
    pub(super) fn delete(&mut self, request: &Request, key: &Key) -> Result<Answer, Answer> {
        let Some(object) = self.objects.get(key) else {
            return Err(not_found(key));
        };
        let answer = object.value.clone();
        let options = request.json().unwrap_or_default();
        let foreground = match options["propagationPolicy"].as_str() {
            Some("Foreground") => true,
            None | Some("Background") => false,
            Some(other) => {
                return Err(refuse(
                    422,
                    "Invalid",
                    format!("propagationPolicy {other:?} is not served here"),
                ));
            }
        };
        self.begin_deletion(key, foreground);
        Ok(Answer::ok(answer))
    }

    /// Marks an object as being deleted; the collector completes the deletion.
    pub(super) fn begin_deletion(&mut self, key: &Key, foreground: bool) {
        self.change(key, |value| {
            let metadata = &mut value["metadata"];
            if metadata["deletionTimestamp"].is_null() {
                metadata["deletionTimestamp"] = seconds().into();
                metadata["deletionGracePeriodSeconds"] = 0.into();
                if foreground {
                    let mut finalizers = metadata["finalizers"]
                        .as_array()
                        .cloned()
                        .unwrap_or_default();
                    finalizers.push(FOREGROUND.into());
                    metadata["finalizers"] = finalizers.into();
                }
            }
        });
    }

    /// Removes objects that are being deleted and that no finalizer holds any more.
    pub(super) fn end_deletions(&mut self) {
        let going = self.objects.iter().filter(|(_, object)| {
            !object.value["metadata"]["deletionTimestamp"].is_null() && self.is_due(object)
        });
        let going: Vec<Key> = going.map(|(key, _)| key.clone()).collect();
        for key in going {
            let Some(finalizers) = self
                .objects
                .get(&key)
                .map(|object| object.value["metadata"]["finalizers"].clone())
            else {
                continue;
            };
            let finalizers = finalizers.as_array().cloned().unwrap_or_default();
            let left: Vec<Value> = finalizers
                .iter()
                .filter(|name| self.holds(&key, name))
                .cloned()
                .collect();
            if left.is_empty() {
                self.objects.remove(&key);
                self.next_version();
            } else if left != finalizers {
                self.change(&key, |value| value["metadata"]["finalizers"] = json!(left));
            }
        }
    }

    fn holds(&self, key: &Key, finalizer: &Value) -> bool {
        let (_, namespace, name) = key;
        match finalizer.as_str() {
            Some(FOREGROUND) => {
                let uid = self
                    .objects
                    .get(key)
                    .map(|object| object.value["metadata"]["uid"].clone());
                self.objects.values().any(|other| {
                    owner(&other.value, uid.as_ref())
                        .is_some_and(|owner| owner["blockOwnerDeletion"] == true)
                })
            }
            Some("kubernetes.io/pvc-protection") => {
                self.objects.iter().any(|((resource, within, _), pod)| {
                    *resource == Resource::Pods && within == namespace && mounts(&pod.value, name)
                })
            }
            // An unknown finalizer stays until the test removes it.
            _ => true,
        }
    }
}

/// The reference of an object to the owner with this id.
pub(super) fn owner<'v>(value: &'v Value, uid: Option<&Value>) -> Option<&'v Value> {
    let owners = value["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| Some(&owner["uid"]) == uid)
}

fn mounts(pod: &Value, claim: &str) -> bool {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes
        .into_iter()
        .any(|volume| volume["persistentVolumeClaim"]["claimName"] == claim)
}
