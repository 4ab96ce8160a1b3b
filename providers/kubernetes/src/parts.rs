//! The objects of an instance other than its StatefulSet. The StatefulSet owns them, so they are deleted with it.

use agent_pool_core::{InstanceId, Mark};
use serde_json::{Value, json};
use url::Url;

use crate::kind::{self, Kind};
use crate::names::{self, NAME};
use crate::network;
use crate::settings::Settings;
use crate::variables::Route;
use crate::workload::mib;

/// The values from which the parts of an instance are built.
#[derive(Debug, Clone)]
pub(crate) struct Parts<'a> {
    pub(crate) mark: &'a Mark,
    pub(crate) instance: &'a InstanceId,
    /// The id of the StatefulSet.
    pub(crate) owner: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) url: &'a Url,
    /// The host of the API server's address.
    pub(crate) server: &'a str,
    pub(crate) settings: &'a Settings,
}

type Manifest = (&'static Kind, Value);

impl Parts<'_> {
    /// The objects with the instance's data and variables. They are created once, and a deployment never changes
    /// them.
    pub(crate) fn persistent_parts(&self) -> Vec<Manifest> {
        let settings = self.settings;
        let mut claim = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": mib(settings.storage_mib) } },
        });
        if let Some(class) = &settings.storage_class {
            claim["storageClassName"] = class.as_str().into();
        }
        vec![
            // The variables are merged into it later.
            self.manifest(&kind::SECRET, json!({ "type": "Opaque" })),
            self.manifest(&kind::CLAIM, json!({ "spec": claim })),
        ]
    }

    /// The objects that follow the settings. Each deployment applies them again.
    pub(crate) fn configurable_parts(&self) -> Vec<Manifest> {
        let name = self.mark.label(self.instance);
        let policy = network::policy(&name, self.namespace, self.server, self.settings);
        let service = json!({
            "type": "ClusterIP",
            "selector": { NAME: name },
            "ports": [{ "name": "http", "port": self.settings.container_port, "targetPort": "http", "protocol": "TCP" }],
        });
        let mut parts = vec![
            self.manifest(&kind::POLICY, json!({ "spec": policy })),
            self.manifest(&kind::SERVICE, json!({ "spec": service })),
        ];
        match self.settings.route {
            Route::None => {}
            Route::Ingress => parts.push(self.routed(&kind::INGRESS, self.ingress(&name))),
            Route::Gateway => parts.push(self.routed(&kind::HTTP_ROUTE, self.http_route(&name))),
        }
        parts
    }

    fn ingress(&self, name: &str) -> Value {
        let settings = self.settings;
        let host = self.url.host_str().unwrap_or_default();
        let backend = json!({ "service": { "name": name, "port": { "name": "http" } } });
        let mut spec = json!({
            "rules": [{
                "host": host,
                "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": backend }] },
            }],
        });
        if let Some(class) = &settings.ingress_class {
            spec["ingressClassName"] = class.as_str().into();
        }
        if self.url.scheme() == "https" {
            let mut tls = json!({ "hosts": [host] });
            if let Some(secret) = &settings.ingress_tls_secret {
                tls["secretName"] = secret.as_str().into();
            }
            spec["tls"] = json!([tls]);
        }
        spec
    }

    fn http_route(&self, name: &str) -> Value {
        let gateway = self.settings.gateway.as_deref().unwrap_or_default();
        let (namespace, gateway) = gateway.split_once('/').unwrap_or_default();
        json!({
            "parentRefs": [{ "name": gateway, "namespace": namespace }],
            "hostnames": [self.url.host_str().unwrap_or_default()],
            "rules": [{ "backendRefs": [{ "name": name, "port": self.settings.container_port }] }],
        })
    }

    fn routed(&self, kind: &'static Kind, spec: Value) -> Manifest {
        let (kind, mut manifest) = self.manifest(kind, json!({ "spec": spec }));
        if !self.settings.route_annotations.is_empty() {
            manifest["metadata"]["annotations"] = self.settings.route_annotations.clone().into();
        }
        (kind, manifest)
    }

    /// Adds the common members of all parts to `body`: its kind, the instance's name and labels, and its owner.
    fn manifest(&self, kind: &'static Kind, mut body: Value) -> Manifest {
        let name = self.mark.label(self.instance);
        body["apiVersion"] = kind.api_version().into();
        body["kind"] = kind.kind.into();
        body["metadata"] = json!({
            "name": name,
            "labels": names::labels(self.mark, self.instance),
            "ownerReferences": [{
                "apiVersion": kind::STATEFUL_SET.api_version(),
                "kind": kind::STATEFUL_SET.kind,
                "name": name,
                "uid": self.owner,
                // The StatefulSet is gone only when its parts are gone.
                "blockOwnerDeletion": true,
            }],
        });
        (kind, body)
    }
}
