//! Property test: answers of any form.

use std::collections::BTreeMap;

use agent_pool_core::conformance::{FakeRequest, FakeResponse, FakeVendor, Held};
use fake_cloud::kubernetes::FakeCluster;
use provider_test_kit::{any_answer_of_an_infras_vendor, any_form_of};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::IMAGE;

/// A cluster that accepts everything, and answers with success and a random variation of what it received.
struct AnyCluster {
    random: StdRng,
    /// By resource and name.
    objects: BTreeMap<(String, String), Value>,
    kubeconfig: TempDir,
}

impl AnyCluster {
    fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            objects: BTreeMap::new(),
            kubeconfig: tempfile::tempdir().unwrap(),
        }
    }

    fn apply(&mut self, plural: &str, name: &str, manifest: &Value) -> Value {
        let mut object = manifest.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.insert("uid".to_owned(), json!("0b9f4c1e"));
            metadata.insert(
                "creationTimestamp".to_owned(),
                json!("2026-11-01T00:00:00Z"),
            );
            self.objects
                .insert((plural.to_owned(), name.to_owned()), object.clone());
        }
        object
    }

    fn list(&self, plural: &str) -> Value {
        let all = |plural: &str| -> Vec<Value> {
            let own = self.objects.iter().filter(|((of, _), _)| of == plural);
            own.map(|(_, object)| object.clone()).collect()
        };
        let items = match plural {
            "pods" => all("statefulsets").iter().map(pod).collect(),
            _ => all(plural),
        };
        json!({ "metadata": {}, "items": items })
    }

    fn find(&self, plural: &str, name: &str) -> Option<Value> {
        let get =
            |plural: &str, name: &str| self.objects.get(&(plural.to_owned(), name.to_owned()));
        match plural {
            "pods" => get("statefulsets", name.strip_suffix("-0")?).map(pod),
            _ => get(plural, name).cloned(),
        }
    }
}

/// A waiting pod with foreign texts.
fn pod(set: &Value) -> Value {
    let text = "a\u{0}b\u{202e}\n";
    let ended = json!({ "exitCode": 1, "reason": text, "message": text });
    json!({
        "metadata": set["spec"]["template"]["metadata"],
        "status": {
            "phase": "Pending",
            "conditions": [{ "type": "PodScheduled", "status": "False", "message": text }],
            "containerStatuses": [{
                "name": "agent", "image": IMAGE, "imageID": text, "ready": false, "restartCount": 2,
                "state": { "waiting": { "reason": "CrashLoopBackOff", "message": text } },
                "lastState": { "terminated": ended },
            }],
        },
    })
}

impl FakeVendor for AnyCluster {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        let path = self.kubeconfig.path().join("config");
        std::fs::write(&path, FakeCluster::kubeconfig(url)).unwrap();
        vec![
            ("KUBERNETES_KUBECONFIG", path.display().to_string()),
            ("KUBERNETES_TOKEN", "token-of-the-tests".to_owned()),
            ("KUBERNETES_IMAGE", IMAGE.to_owned()),
        ]
    }

    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        let path: Vec<&str> = request.path();
        let usual = match (request.method(), &path[..]) {
            ("PATCH", [.., plural, name]) => self.apply(plural, name, request.body()),
            ("GET", [.., "namespaces", _, plural]) => self.list(plural),
            ("GET" | "DELETE", [.., plural, name]) => match self.find(plural, name) {
                Some(object) => object,
                None => {
                    let details = json!({ "name": name });
                    let status =
                        json!({ "kind": "Status", "reason": "NotFound", "details": details });
                    return Some(FakeResponse::json(404, &status));
                }
            },
            _ => json!({ "status": { "allowed": true } }),
        };
        let answer = any_form_of(&usual, &mut self.random);
        Some(FakeResponse::json(200, &answer))
    }

    fn held(&self) -> Vec<Held> {
        Vec::new()
    }
}

#[tokio::test]
async fn any_answer_of_the_vendor_is_read_or_refused() {
    let (read, rounds) =
        any_answer_of_an_infras_vendor("kubernetes", AnyCluster::new, Value::Null).await;
    assert!(0 < read && read < rounds, "{read} of {rounds} lists");
}
