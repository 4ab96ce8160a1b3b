//! Exa's Team Management API according to its reference: <https://exa.ai/docs/team-management-spec.yaml>.

use agent_pool_core::ProvisionedTool;
use agent_pool_core::conformance::{FakeRequest, FakeResponse, FakeVendor, Held};
use serde_json::{Value, json};

pub(crate) const SERVICE_KEY: &str = "service-key";

/// The form of a key, of the two that are documented.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// The `id` is the key's text.
    #[default]
    IdAlone,
    /// `publicId` and `secret`, and an `id` as before.
    PublicId,
}

#[derive(Debug, Default)]
pub(crate) struct Fake {
    pub(crate) form: Form,
    pub(crate) keys: Vec<Key>,
    /// The service key that is accepted instead of [`SERVICE_KEY`].
    pub(crate) rotated: Option<String>,
    /// Keys of other programs, as the list shows them.
    pub(crate) foreign: Vec<Value>,
    made: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) public_id: String,
    pub(crate) body: Value,
}

impl FakeVendor for Fake {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("EXA_API_URL", url.to_owned()),
            ("EXA_SERVICE_KEY", SERVICE_KEY.to_owned()),
        ]
    }

    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        let accepted = self.rotated.as_deref().unwrap_or(SERVICE_KEY);
        if request.header("x-api-key") != Some(accepted) {
            return Some(error(401, "Unauthorized"));
        }
        match (request.method(), &request.path()[..]) {
            ("POST", ["api-keys"]) => Some(self.create(request.body())),
            ("GET", ["api-keys"]) => {
                let keys = self.keys.iter().map(|key| self.shown(key));
                let keys: Vec<Value> = keys.chain(self.foreign.clone()).collect();
                Some(FakeResponse::json(200, &json!({ "apiKeys": keys })))
            }
            ("GET", ["api-keys", id, "usage"]) => Some(match self.place(id) {
                Some(_) => {
                    let spent = json!({ "total_cost_usd": 1.5, "cost_breakdown": [] });
                    FakeResponse::json(200, &spent)
                }
                None => not_found(id),
            }),
            ("DELETE", ["api-keys", id]) => Some(match self.place(id) {
                Some(place) => {
                    self.keys.remove(place);
                    FakeResponse::json(200, &json!({ "success": true }))
                }
                None => not_found(id),
            }),
            _ => None,
        }
    }

    fn changes(&self) -> &'static [&'static str] {
        &["POST /api-keys"]
    }

    fn removals(&self) -> &'static [&'static str] {
        &["DELETE /api-keys"]
    }

    fn usable(&self, tool: &ProvisionedTool) -> Option<Result<(), String>> {
        let given = tool.env.get("EXA_API_KEY")?.expose();
        let known = self.keys.iter().any(|key| key.text == given);
        Some(
            known
                .then_some(())
                .ok_or_else(|| "the key is not accepted".to_owned()),
        )
    }

    fn held(&self) -> Vec<Held> {
        let names = self.keys.iter().map(|key| &key.body["name"]);
        let held = names.map(|name| Held {
            kind: "key",
            label: name.as_str().unwrap_or_default().to_owned(),
        });
        held.collect()
    }
}

impl Fake {
    /// Only documented members are accepted (`additionalProperties: false`).
    fn create(&mut self, body: &Value) -> FakeResponse {
        let known = ["name", "rateLimit", "budgetCents"];
        let members = body.as_object().into_iter().flatten();
        if let Some((stray, _)) = members
            .into_iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            let text =
                format!("Unexpected parameters: {stray}. Allowed: name, rateLimit, budgetCents.");
            return error(400, &text);
        }
        self.made += 1;
        let key = Key {
            text: format!("3c90c3cc-0d44-4b50-8888-{:012}", self.made),
            public_id: format!("key_{}", self.made),
            body: body.clone(),
        };
        let shown = self.shown(&key);
        self.keys.push(key);
        FakeResponse::json(200, &json!({ "apiKey": shown }))
    }

    fn shown(&self, key: &Key) -> Value {
        let mut shown = json!({ "id": key.text, "name": key.body["name"], "createdAt": "2026-09-01T00:00:00Z" });
        if self.form == Form::PublicId {
            shown["publicId"] = key.public_id.clone().into();
            shown["secret"] = key.text.clone().into();
        }
        shown
    }

    /// Finds a key by its public id or its text.
    fn place(&self, id: &str) -> Option<usize> {
        self.keys
            .iter()
            .position(|key| key.text == id || key.public_id == id)
    }
}

/// Repeats the id, so that a test can check that no output contains it.
fn not_found(id: &str) -> FakeResponse {
    error(404, &format!("API key {id} not found"))
}

fn error(status: u16, text: &str) -> FakeResponse {
    FakeResponse::json(status, &json!({ "error": text }))
}
