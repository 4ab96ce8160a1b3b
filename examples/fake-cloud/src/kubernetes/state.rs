//! The state of the cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

use super::merge::{self, Path};
use super::run::{Fate, Run};
use super::target::{Key, Resource};
use crate::ids::Ids;
use crate::launcher::Launcher;
use crate::time;

/// How a cluster is set up.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The accepted bearer token.
    pub token: String,
    /// The namespaces that exist.
    pub namespaces: Vec<String>,
    /// Maximum number of objects on a page, even if a request has a higher limit.
    pub page_size: usize,
    /// Rules of a Role for the token, as in its manifest; `None` allows everything.
    pub rules: Option<Vec<Value>>,
    /// Starts a server for each running container; without a launcher, nothing runs.
    pub launcher: Option<Arc<dyn Launcher>>,
    /// Ticks that a deletion, a start or a step of a controller takes.
    pub slowness: u64,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            token: "token-of-the-fake-cluster".to_owned(),
            namespaces: vec!["agents".to_owned(), "default".to_owned()],
            page_size: 500,
            rules: None,
            launcher: None,
            slowness: 1,
        }
    }
}

/// One object, and the fields that each manager owns.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) value: Value,
    pub(super) owners: BTreeMap<String, BTreeSet<Path>>,
    /// The tick of its last step.
    pub(super) since: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: ClusterOptions,
    pub(super) objects: BTreeMap<Key, Object>,
    pub(super) version: u64,
    pub(super) tick: u64,
    pub(super) ids: Ids,
    /// The rest of lists that are read page by page.
    pub(super) pages: HashMap<String, Vec<Value>>,
    /// The number of continue tokens still to be answered as expired.
    pub(super) expired: usize,
    /// The number of requests still to be refused with 429.
    pub(super) throttled: usize,
    /// The fate of pods by image.
    pub(super) fates: BTreeMap<String, Fate>,
    pub(super) runs: Vec<Run>,
    /// The output of pods.
    pub(super) logs: BTreeMap<String, Vec<String>>,
    /// Requests that no API server would know, and objects that break its rules.
    pub(super) faults: Vec<String>,
}

impl State {
    pub(super) fn new(options: ClusterOptions) -> Self {
        Self {
            options,
            objects: BTreeMap::new(),
            version: 1,
            tick: 0,
            ids: Ids::new(1),
            pages: HashMap::new(),
            expired: 0,
            throttled: 0,
            fates: BTreeMap::new(),
            runs: Vec::new(),
            logs: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    pub(super) fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    /// Stores a changed object; an unchanged one keeps its version.
    pub(super) fn put(
        &mut self,
        key: &Key,
        mut value: Value,
        owners: BTreeMap<String, BTreeSet<Path>>,
    ) -> Value {
        let tick = self.tick;
        match self.objects.get_mut(key) {
            Some(object) if object.value == value => {
                object.owners = owners;
                return value;
            }
            Some(object) => {
                if object.value["spec"] != value["spec"] {
                    let generation = object.value["metadata"]["generation"].as_u64().unwrap_or(1);
                    value["metadata"]["generation"] = (generation + 1).into();
                }
            }
            None => {
                value["metadata"]["uid"] = self.ids.uuid().into();
                value["metadata"]["creationTimestamp"] = seconds().into();
                value["metadata"]["generation"] = 1.into();
            }
        }
        value["metadata"]["resourceVersion"] = self.next_version().into();
        let object = Object {
            value: value.clone(),
            owners,
            since: tick,
        };
        self.objects.insert(key.clone(), object);
        value
    }

    /// Changes an object as a controller does.
    pub(super) fn change(&mut self, key: &Key, change: impl FnOnce(&mut Value)) {
        let Some(object) = self.objects.get(key) else {
            return;
        };
        let (mut value, owners) = (object.value.clone(), object.owners.clone());
        change(&mut value);
        self.put(key, value, owners);
    }

    /// Changes an object as another manager, which then owns the changed fields.
    pub(super) fn change_as(&mut self, key: &Key, manager: &str, change: impl FnOnce(&mut Value)) {
        let Some(object) = self.objects.get(key) else {
            return;
        };
        let (mut value, mut owners) = (object.value.clone(), object.owners.clone());
        change(&mut value);
        let mut changed = merge::fields(&value);
        changed.retain(|path| merge::get(&object.value, path) != merge::get(&value, path));
        for fields in owners.values_mut() {
            fields.retain(|path| !changed.contains(path));
        }
        let own = owners.entry(format!("{manager} (update)")).or_default();
        own.extend(changed);
        self.put(key, value, owners);
    }

    /// The keys of a resource's objects.
    pub(super) fn keys(&self, resource: Resource) -> Vec<Key> {
        let keys = self.objects.keys().filter(|(of, ..)| *of == resource);
        keys.cloned().collect()
    }

    /// Whether the pod of a run exists and is not being deleted.
    pub(super) fn has_pod(&self, run: &Run) -> bool {
        let pods = self
            .objects
            .iter()
            .filter(|((resource, _, name), _)| *resource == Resource::Pods && *name == run.pod);
        let mut own = pods.filter(|(_, pod)| pod.value["metadata"]["uid"] == run.pod_uid.as_str());
        own.any(|(_, pod)| pod.value["metadata"]["deletionTimestamp"].is_null())
    }

    /// Whether the next step of an object is due.
    pub(super) fn is_due(&self, object: &Object) -> bool {
        self.tick >= object.since + self.options.slowness
    }

    /// Advances controllers, kubelet and collector by one step.
    pub(super) fn tick(&mut self) {
        self.tick += 1;
        self.run_stateful_sets();
        self.run_pods();
        self.collect();
    }
}

/// Now, as Kubernetes writes times: whole seconds.
pub(super) fn seconds() -> String {
    let now = time::now();
    now.split_once('.')
        .map_or(now.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// A reference to the controller of a pod.
pub(super) fn controlled_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }])
}
