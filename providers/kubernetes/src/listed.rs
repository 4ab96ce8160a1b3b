//! One StatefulSet of a list.

use std::collections::HashMap;

use agent_pool_core::{DeployStatus, InstanceId, Mark};
use chrono::{DateTime, Utc};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::names::{INSTANCE, NAME};
use crate::state::{self, State};

/// One of our instances in the list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) instance: InstanceId,
    /// `None` if it cannot be parsed. The status of the instance says so, and other instances are still listed.
    set: Option<StatefulSet>,
}

/// Reads an item of a list; `None` if it is another environment's, or is being deleted.
pub(crate) fn read(mark: &Mark, item: Value) -> Option<Listed> {
    let metadata = &item["metadata"];
    let name = metadata["name"].as_str()?.to_owned();
    let instance = mark.instance(&name)?;
    let is_ours = metadata["labels"][INSTANCE] == instance.as_str();
    if !is_ours || !metadata["deletionTimestamp"].is_null() {
        return None;
    }
    Some(Listed {
        name,
        instance,
        set: serde_json::from_value(item).ok(),
    })
}

/// Reads a pod, with the name of its instance's objects.
pub(crate) fn pod(item: Value) -> Option<(String, Pod)> {
    let name = item["metadata"]["labels"][NAME].as_str()?.to_owned();
    Some((name, serde_json::from_value(item).ok()?))
}

impl Listed {
    /// The state of its deployment; `None` before the first.
    pub(crate) fn state(&self, pods: &HashMap<String, Pod>, restart_max: u32) -> Option<State> {
        match &self.set {
            Some(set) => state::from_objects(set, pods.get(&self.name), restart_max),
            None => Some(State {
                status: DeployStatus::Other("UNREADABLE".to_owned()),
                words: None,
            }),
        }
    }

    pub(crate) fn image(&self) -> Option<&str> {
        state::image(self.set.as_ref()?)
    }

    /// The digest of the image that its pod runs, once the node has pulled it.
    pub(crate) fn image_digest(&self, pods: &HashMap<String, Pod>) -> Option<String> {
        state::image_digest(pods.get(&self.name)?).map(ToOwned::to_owned)
    }

    pub(crate) fn created_at(&self) -> Option<DateTime<Utc>> {
        let created = self.set.as_ref()?.metadata.creation_timestamp.as_ref()?;
        created.0.to_string().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_that_cannot_be_read_is_still_listed() {
        let mark = Mark::new(&"dev".parse().unwrap());
        let id = InstanceId::generate();
        let metadata = json!({ "name": mark.label(&id), "labels": { INSTANCE: id.as_str() } });
        let listed = read(&mark, json!({ "metadata": metadata, "spec": "?" })).unwrap();
        let status = listed.state(&HashMap::new(), 3).unwrap().status;
        assert!(listed.instance == id && !status.is_dead());
    }

    #[test]
    fn a_name_of_ours_without_our_label_is_somebody_elses() {
        let mark = Mark::new(&"dev".parse().unwrap());
        let name = mark.label(&InstanceId::generate());
        assert!(read(&mark, json!({ "metadata": { "name": name } })).is_none());
    }
}
