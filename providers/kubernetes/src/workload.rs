//! The StatefulSet that runs an instance.
//!
//! It is a StatefulSet and not a Deployment, because a StatefulSet never has two pods at once, which would share the
//! volume, even if a node is lost. With `Parallel`, a deployment replaces a pod that never became ready; with the
//! default it would wait for that pod forever.

use agent_pool_core::{InstanceId, Mark, runtime};
use serde_json::{Value, json};

use crate::kind;
use crate::names::{self, CONTAINER, DEPLOYED_AT, NAME};
use crate::settings::Settings;

/// The mount point of the volume.
const DATA: &str = "/data";
const TMP_SIZE: &str = "64Mi";

/// The values from which an instance's StatefulSet is built.
#[derive(Debug, Clone)]
pub(crate) struct Workload<'a> {
    pub(crate) mark: &'a Mark,
    pub(crate) instance: &'a InstanceId,
    pub(crate) image: &'a str,
    pub(crate) url: &'a str,
    /// `None` before the first deployment: then no pod runs.
    pub(crate) deployed_at: Option<String>,
    /// The version that this manifest changes: if somebody else changes it first, the request is refused.
    pub(crate) version: Option<String>,
}

impl Workload<'_> {
    /// The manifest.
    pub(crate) fn manifest(&self, settings: &Settings) -> Value {
        let name = self.mark.label(self.instance);
        let labels = names::labels(self.mark, self.instance);
        let mut annotations = json!({});
        if let Some(at) = &self.deployed_at {
            annotations[DEPLOYED_AT] = at.as_str().into();
        }
        let mut metadata = json!({ "name": name, "labels": labels });
        if let Some(version) = &self.version {
            metadata["resourceVersion"] = version.as_str().into();
        }
        json!({
            "apiVersion": kind::STATEFUL_SET.api_version(),
            "kind": kind::STATEFUL_SET.kind,
            "metadata": metadata,
            "spec": {
                "replicas": i32::from(self.deployed_at.is_some()),
                "serviceName": name,
                "podManagementPolicy": "Parallel",
                "revisionHistoryLimit": 1,
                "selector": { "matchLabels": { NAME: name } },
                "template": {
                    "metadata": { "labels": labels, "annotations": annotations },
                    "spec": self.pod(&name, settings),
                },
            },
        })
    }

    /// A pod that satisfies the `restricted` level of pod security and has no access to the API server.
    fn pod(&self, name: &str, settings: &Settings) -> Value {
        // With 0 a pod would count as gone while it still runs, and the next one would share its volume.
        let grace = settings.stop_grace_ms.duration().as_secs().max(1);
        let mut pod = json!({
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "terminationGracePeriodSeconds": grace,
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": settings.user,
                "runAsGroup": settings.user,
                "fsGroup": settings.user,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [self.container(name, settings)],
            "volumes": [
                { "name": "data", "persistentVolumeClaim": { "claimName": name } },
                { "name": "tmp", "emptyDir": { "sizeLimit": TMP_SIZE } },
            ],
        });
        let secrets = crate::peers::items(&settings.image_pull_secrets);
        let secrets: Vec<Value> = secrets.map(|name| json!({ "name": name })).collect();
        let options = [
            ("imagePullSecrets", Value::from(secrets)),
            ("nodeSelector", settings.node_selector.clone().into()),
            ("tolerations", settings.tolerations.clone().into()),
            ("runtimeClassName", settings.runtime_class.clone().into()),
        ];
        for (option, value) in options {
            if !is_empty(&value) {
                pod[option] = value;
            }
        }
        pod
    }

    fn container(&self, name: &str, settings: &Settings) -> Value {
        json!({
            "name": CONTAINER,
            "image": self.image,
            "ports": [{ "name": "http", "containerPort": settings.container_port, "protocol": "TCP" }],
            // Nothing in a Secret's value is expanded, unlike in the values of `env`.
            "envFrom": [{ "secretRef": { "name": name } }],
            "env": [
                { "name": runtime::PORT, "value": settings.container_port.to_string() },
                { "name": "HOST", "value": "0.0.0.0" },
                { "name": runtime::INSTANCE_ID, "value": self.instance.as_str() },
                { "name": runtime::INSTANCE_DATA_DIR, "value": DATA },
                { "name": runtime::PUBLIC_URL, "value": self.url.replace('$', "$$") },
            ],
            "resources": {
                "limits": { "memory": mib(settings.memory_mib), "cpu": millis(settings.cpu_millis) },
                "requests": { "memory": mib(settings.memory_request_mib), "cpu": millis(settings.cpu_request_millis) },
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": { "drop": ["ALL"] },
                "readOnlyRootFilesystem": settings.read_only,
            },
            "volumeMounts": [
                { "name": "data", "mountPath": DATA },
                { "name": "tmp", "mountPath": "/tmp" },
            ],
        })
    }
}

pub(crate) fn mib(amount: u32) -> String {
    format!("{amount}Mi")
}

fn millis(amount: u32) -> String {
    format!("{amount}m")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
