//! Exa's Team Management API, as its reference describes it: <https://exa.ai/docs/team-management-spec.yaml>.

use agent_pool_core::conformance::Held;
use agent_pool_core::settings::Environment;
use provider_test_kit::{Answered, Asked, SmallVendor};
use serde_json::{Value, json};

pub(crate) const SERVICE_KEY: &str = "service-key";

/// Which of the two documented forms a key has.
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
    made: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) public_id: String,
    pub(crate) body: Value,
}

impl SmallVendor for Fake {
    const ID: &'static str = "exa";
    const CHANGES: &'static [&'static str] = &["create-api-key"];
    const REMOVALS: &'static [&'static str] = &["delete-api-key"];

    fn settings(url: &str) -> Environment {
        Environment::from_iter([("EXA_API_URL", url), ("EXA_SERVICE_KEY", SERVICE_KEY)])
    }

    fn answer(&mut self, asked: &Asked) -> Answered {
        if asked.header("x-api-key") != Some(SERVICE_KEY) {
            return Answered::new("any", 401, json!({ "error": "Unauthorized" }));
        }
        let (method, path) = asked.line();
        match (method, &path[..]) {
            ("POST", ["api-keys"]) => self.create(&asked.body),
            ("GET", ["api-keys"]) => {
                let keys: Vec<_> = self.keys.iter().map(|key| self.shown(key)).collect();
                Answered::new("list-api-keys", 200, json!({ "apiKeys": keys }))
            }
            ("GET", ["api-keys", id, "usage"]) => match self.place(id) {
                Some(_) => {
                    let spent = json!({ "total_cost_usd": 1.5, "cost_breakdown": [] });
                    Answered::new("get-api-key-usage", 200, spent)
                }
                None => not_found("get-api-key-usage", id),
            },
            ("DELETE", ["api-keys", id]) => match self.place(id) {
                Some(place) => {
                    self.keys.remove(place);
                    Answered::new("delete-api-key", 200, json!({ "success": true }))
                }
                None => not_found("delete-api-key", id),
            },
            _ => unreachable!("Exa has no {method} {path:?}"),
        }
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
    /// Only what is described is taken [`additionalProperties: false`].
    fn create(&mut self, body: &Value) -> Answered {
        const OPERATION: &str = "create-api-key";
        let known = ["name", "rateLimit", "budgetCents"];
        let members = body.as_object().into_iter().flatten();
        if let Some((stray, _)) = members
            .into_iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            let error =
                format!("Unexpected parameters: {stray}. Allowed: name, rateLimit, budgetCents.");
            return Answered::new(OPERATION, 400, json!({ "error": error }));
        }
        self.made += 1;
        let key = Key {
            text: format!("3c90c3cc-0d44-4b50-8888-{:012}", self.made),
            public_id: format!("key_{}", self.made),
            body: body.clone(),
        };
        let shown = self.shown(&key);
        self.keys.push(key);
        Answered::new(OPERATION, 200, json!({ "apiKey": shown }))
    }

    fn shown(&self, key: &Key) -> Value {
        let mut shown = json!({ "id": key.text, "name": key.body["name"], "createdAt": "2026-09-01T00:00:00Z" });
        if self.form == Form::PublicId {
            shown["publicId"] = key.public_id.clone().into();
            shown["secret"] = key.text.clone().into();
        }
        shown
    }

    /// By its public id, or by its text.
    fn place(&self, id: &str) -> Option<usize> {
        self.keys
            .iter()
            .position(|key| key.text == id || key.public_id == id)
    }
}

/// It repeats the address, so that a test can see that nobody else does.
fn not_found(operation: &'static str, id: &str) -> Answered {
    Answered::new(
        operation,
        404,
        json!({ "error": format!("API key {id} not found") }),
    )
}
