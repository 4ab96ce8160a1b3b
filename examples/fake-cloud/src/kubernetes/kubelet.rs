//! The controller of StatefulSets and the kubelet: pods appear, start, fail and are replaced.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::run::{Fate, Run};
use super::state::{State, controlled_by, seconds};
use super::target::{Key, Resource};

/// The number of restarts after which a crashing container no longer runs again.
const LAST_RESTART: u64 = 5;

impl State {
    /// Creates one pod for each StatefulSet with replicas, from its newest template.
    pub(super) fn run_stateful_sets(&mut self) {
        for key in self.keys(Resource::StatefulSets) {
            let Some(set) = self.objects.get(&key) else {
                continue;
            };
            if !set.value["metadata"]["deletionTimestamp"].is_null() || !self.is_due(set) {
                continue;
            }
            let set = set.value.clone();
            let (_, namespace, name) = &key;
            let pod_key = (Resource::Pods, namespace.clone(), format!("{name}-0"));
            let wanted = set["spec"]["replicas"].as_u64().unwrap_or(1) > 0;
            let revision = revision(&set["spec"]["template"]);
            match self.objects.get(&pod_key) {
                Some(pod) if pod.value["metadata"]["deletionTimestamp"].is_null() => {
                    let is_current =
                        pod.value["metadata"]["labels"]["controller-revision-hash"] == revision;
                    // The usual policy waits for a pod that never becomes ready.
                    let is_stuck = set["spec"]["podManagementPolicy"] != "Parallel"
                        && pod.value["status"]["containerStatuses"][0]["ready"] != true;
                    let is_replaced = !is_current && !is_stuck;
                    if !wanted || is_replaced || pod.value["status"]["phase"] == "Failed" {
                        self.begin_deletion(&pod_key, false);
                    }
                }
                Some(_) => {}
                None if wanted => {
                    let pod = pod(&set, &pod_key, &revision);
                    self.put(&pod_key, pod, BTreeMap::new());
                }
                None => {}
            }
        }
    }

    /// Advances each pod by one step.
    pub(super) fn run_pods(&mut self) {
        for key in self.keys(Resource::Pods) {
            let Some(pod) = self.objects.get(&key) else {
                continue;
            };
            if !pod.value["metadata"]["deletionTimestamp"].is_null() || !self.is_due(pod) {
                continue;
            }
            let pod = pod.value.clone();
            let status = match self.environment(&key, &pod) {
                Ok(variables) => self.step(&key, &pod, variables),
                Err(status) => Some(status),
            };
            if let Some(status) = status {
                self.change(&key, |value| value["status"] = status);
            }
        }
    }

    /// The environment of a pod's container, or the reason why it waits.
    fn environment(&self, key: &Key, pod: &Value) -> Result<BTreeMap<String, String>, Value> {
        let spec = &pod["spec"];
        let container = &spec["containers"][0];
        let named = |resource, name: &Value| {
            let name = name.as_str().unwrap_or_default().to_owned();
            self.objects.get(&(resource, key.1.clone(), name))
        };
        let claim = &spec["volumes"][0]["persistentVolumeClaim"]["claimName"];
        if named(Resource::Claims, claim).is_none() {
            return Err(unscheduled(&format!(
                "persistentvolumeclaim {claim} not found"
            )));
        }
        let secret = &container["envFrom"][0]["secretRef"]["name"];
        let Some(secret) = named(Resource::Secrets, secret) else {
            let reason = json!({ "reason": "CreateContainerConfigError", "message": format!("secret {secret} not found") });
            return Err(waiting(pod, &reason));
        };
        let mut variables = BTreeMap::new();
        for (name, value) in secret.value["data"].as_object().into_iter().flatten() {
            let bytes = BASE64_STANDARD
                .decode(value.as_str().unwrap_or_default())
                .unwrap_or_default();
            variables.insert(name.clone(), String::from_utf8_lossy(&bytes).into_owned());
        }
        for pair in container["env"].as_array().into_iter().flatten() {
            let text = |member: &str| pair[member].as_str().unwrap_or_default().to_owned();
            // `$$` stands for `$`. `$(NAME)` would be another variable, which nobody uses here.
            variables.insert(text("name"), text("value").replace("$$", "$"));
        }
        Ok(variables)
    }

    /// The next status of a pod; `None` if it stays as it is.
    fn step(
        &mut self,
        key: &Key,
        pod: &Value,
        variables: BTreeMap<String, String>,
    ) -> Option<Value> {
        let image = pod["spec"]["containers"][0]["image"]
            .as_str()
            .unwrap_or_default();
        let fate = self.fates.get(image).copied().unwrap_or(Fate::Runs);
        let container = &pod["status"]["containerStatuses"][0];
        let runs = !container["state"]["running"].is_null();
        match fate {
            Fate::NoNode => Some(unscheduled(
                "0/3 nodes are available: 3 Insufficient memory.",
            )),
            Fate::NoImage => Some(waiting(
                pod,
                &json!({ "reason": "ImagePullBackOff", "message": format!("Back-off pulling image {image:?}") }),
            )),
            Fate::Crashes(code, reason) if runs => Some(crashed(pod, code, reason)),
            Fate::Runs if runs => None,
            // By now the pauses between restarts are longer than a test.
            Fate::Crashes(..) if restarts(pod) >= LAST_RESTART => None,
            Fate::Runs | Fate::Crashes(..) => {
                let run = Run {
                    pod: key.2.clone(),
                    pod_uid: pod["metadata"]["uid"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                    image: image.to_owned(),
                    variables,
                };
                self.runs.push(run);
                let log = self.logs.entry(key.2.clone()).or_default();
                log.push(format!("{} started", crate::time::now()));
                Some(running(pod))
            }
        }
    }
}

fn revision(template: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    template.to_string().hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

fn pod(set: &Value, key: &Key, revision: &str) -> Value {
    let template = &set["spec"]["template"];
    let mut labels = template["metadata"]["labels"].clone();
    labels["controller-revision-hash"] = revision.into();
    labels["statefulset.kubernetes.io/pod-name"] = key.2.as_str().into();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": key.2, "namespace": key.1, "labels": labels,
            "annotations": template["metadata"]["annotations"], "ownerReferences": controlled_by(set),
        },
        "spec": template["spec"],
        "status": { "phase": "Pending" },
    })
}

fn container(pod: &Value, ready: bool, restarts: u64, state: &Value, last: &Value) -> Value {
    json!([{
        "name": "agent", "image": pod["spec"]["containers"][0]["image"], "imageID": if ready { "registry.example/agent@sha256:ab" } else { "" },
        "ready": ready, "started": ready, "restartCount": restarts, "state": state, "lastState": last,
    }])
}

fn restarts(pod: &Value) -> u64 {
    pod["status"]["containerStatuses"][0]["restartCount"]
        .as_u64()
        .unwrap_or(0)
}

fn running(pod: &Value) -> Value {
    let last = &pod["status"]["containerStatuses"][0]["lastState"];
    let last = if last.is_null() {
        json!({})
    } else {
        last.clone()
    };
    let state = json!({ "running": { "startedAt": seconds() } });
    let restarts = restarts(pod) + u64::from(!last["terminated"].is_null());
    json!({
        "phase": "Running",
        "conditions": [condition("PodScheduled", true), condition("Ready", true)],
        "containerStatuses": container(pod, true, restarts, &state, &last),
    })
}

/// It ended, and the kubelet waits before it starts it again.
pub(super) fn crashed(pod: &Value, code: i32, reason: &str) -> Value {
    let last =
        json!({ "terminated": { "exitCode": code, "reason": reason, "finishedAt": seconds() } });
    let state = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off restarting failed container" } });
    json!({
        "phase": "Running",
        "conditions": [condition("PodScheduled", true), condition("Ready", false)],
        "containerStatuses": container(pod, false, restarts(pod), &state, &last),
    })
}

fn waiting(pod: &Value, reason: &Value) -> Value {
    json!({
        "phase": "Pending",
        "conditions": [condition("PodScheduled", true), condition("Ready", false)],
        "containerStatuses": container(pod, false, restarts(pod), &json!({ "waiting": reason }), &json!({})),
    })
}

fn unscheduled(message: &str) -> Value {
    json!({
        "phase": "Pending",
        "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message }],
    })
}

fn condition(kind: &str, holds: bool) -> Value {
    json!({ "type": kind, "status": if holds { "True" } else { "False" } })
}
