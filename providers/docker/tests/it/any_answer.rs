//! Property test: answers of any form.

use agent_pool_core::conformance::{FakeRequest, FakeResponse, FakeVendor, Held};
use provider_test_kit::{any_answer_of_an_infras_vendor, any_form_of};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

/// An engine that states its version, and answers everything else with success and a random variation of an engine's
/// answer.
struct AnyEngine(StdRng);

/// The members of an engine's answers that the provider reads. Foreign texts may have any character.
fn usual() -> Value {
    let text = "a\u{0}b\u{202e}\n";
    json!({
        "Id": text,
        "Name": "ap-dev-abcdefghijkl",
        "Names": [text],
        "Labels": {
            "agent-pool.instance": "abcdefghijkl",
            "agent-pool.mark": "ap-dev-",
            "agent-pool.name": "ap-dev-abcdefghijkl",
        },
        "Image": text,
        "Created": 0,
        "State": "running",
        "Status": text,
        "Warnings": [text],
        "message": text,
    })
}

impl FakeVendor for AnyEngine {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("DOCKER_HOST", url.to_owned()),
            ("DOCKER_IMAGE", "agent:1".to_owned()),
        ]
    }

    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        let path: Vec<&str> = request.path();
        let usual = match path[..] {
            [.., "version"] => {
                let version = json!({ "ApiVersion": "1.41", "MinAPIVersion": "1.24" });
                return Some(FakeResponse::json(200, &version));
            }
            [.., "networks"] | [.., "containers" | "images", "json"] => {
                let count = self.0.random_range(0..3);
                vec![usual(); count].into()
            }
            _ => usual(),
        };
        let answer = any_form_of(&usual, &mut self.0);
        Some(FakeResponse::json(200, &answer))
    }

    fn held(&self) -> Vec<Held> {
        Vec::new()
    }
}

#[tokio::test]
async fn any_answer_of_the_vendor_is_read_or_refused() {
    let engine = |seed| AnyEngine(StdRng::seed_from_u64(seed));
    let (read, rounds) = any_answer_of_an_infras_vendor("docker", engine, Value::Null).await;
    assert!(0 < read && read < rounds, "{read} of {rounds} lists");
}
