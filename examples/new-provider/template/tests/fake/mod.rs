//! Acme's API as the provider uses it, in memory. It answers as the vendor's documentation says.

use agent_pool_core::ProvisionedTool;
use agent_pool_core::conformance::{FakeRequest, FakeResponse, FakeVendor, Held};
use serde_json::{Value, json};

const ADMIN_KEY: &str = "admin-key-of-the-fake";
const PAGE: usize = 5;
const MADE: &str = "2026-01-01T00:00:00Z";

/// An id and a name.
type Key = (String, String);

#[derive(Debug, Default)]
pub(crate) struct Acme {
    made: usize,
    keys: Vec<Key>,
}

impl FakeVendor for Acme {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("ACME_API_URL", url.to_owned()),
            ("ACME_ADMIN_KEY", ADMIN_KEY.to_owned()),
        ]
    }

    // Yours: the same calls from the vendor's side
    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        if request.bearer() != Some(ADMIN_KEY) {
            return Some(FakeResponse::json(401, &json!({ "error": "no such key" })));
        }
        match (request.method(), &request.path()[..]) {
            ("GET", ["keys"]) => {
                let from = request.query("after").map_or(0, |id| 1 + self.at(id));
                Some(FakeResponse::json(200, &self.page(from)))
            }
            ("POST", ["keys"]) => {
                self.made += 1;
                let id = format!("key-{}", self.made);
                let body = json!({ "id": id, "secret": format!("secret-of-{id}") });
                self.keys.push((id, request.member("name")?));
                Some(FakeResponse::json(201, &body))
            }
            ("DELETE", ["keys", id]) if self.at(id) == self.keys.len() => {
                Some(FakeResponse::json(404, &json!({ "error": "no such key" })))
            }
            ("DELETE", ["keys", id]) => {
                self.keys.remove(self.at(id));
                Some(FakeResponse::empty(204))
            }
            _ => None,
        }
    }

    fn held(&self) -> Vec<Held> {
        let names = self.keys.iter().map(|(_, name)| name.clone());
        names.map(|label| Held { kind: "key", label }).collect()
    }

    // Yours: what makes it usable
    fn usable(&self, tool: &ProvisionedTool) -> Option<Result<(), String>> {
        let given = tool.env.get("ACME_API_KEY")?.expose();
        let known = self
            .keys
            .iter()
            .any(|(id, _)| given == format!("secret-of-{id}"));
        Some(
            known
                .then_some(())
                .ok_or_else(|| "nothing has this secret".to_owned()),
        )
    }

    fn page_size(&self) -> Option<usize> {
        Some(PAGE)
    }
}

impl Acme {
    /// The position of a key in the list; the list's length if it is absent.
    fn at(&self, id: &str) -> usize {
        let found = self.keys.iter().position(|(one, _)| one == id);
        found.unwrap_or(self.keys.len())
    }

    fn page(&self, from: usize) -> Value {
        let rest = &self.keys[from.min(self.keys.len())..];
        let page = &rest[..rest.len().min(PAGE)];
        let key = |(id, name): &Key| json!({ "id": id, "name": name, "created_at": MADE });
        let next = page.last().filter(|_| page.len() < rest.len());
        json!({
            "keys": page.iter().map(key).collect::<Vec<_>>(),
            "next": next.map(|(id, _)| id),
        })
    }
}
