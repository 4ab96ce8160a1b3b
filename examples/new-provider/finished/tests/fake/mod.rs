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

    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        if request.header("x-acme-key") != Some(ADMIN_KEY) {
            return Some(FakeResponse::json(401, &json!({ "error": "no such key" })));
        }
        match (request.method(), &request.path()[..]) {
            ("GET", ["tokens"]) => {
                let page = request.query("page").unwrap_or("1").parse().ok()?;
                Some(FakeResponse::json(200, &self.page(page)))
            }
            ("POST", ["tokens"]) => {
                self.made += 1;
                let id = format!("tok-{}", self.made);
                let body = json!({ "token_id": id, "token": format!("secret-of-{id}") });
                request.member::<Vec<String>>("scopes")?;
                self.keys.push((id, request.member("label")?));
                Some(FakeResponse::json(201, &body))
            }
            ("DELETE", ["tokens", id]) if self.at(id) == self.keys.len() => {
                Some(FakeResponse::json(404, &json!({ "error": "no such key" })))
            }
            ("DELETE", ["tokens", id]) => {
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

    fn usable(&self, tool: &ProvisionedTool) -> Option<Result<(), String>> {
        let given = tool.env.get("ACME_TOKEN")?.expose();
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

    fn page(&self, page: usize) -> Value {
        let token = |(id, name): &Key| json!({ "token_id": id, "label": name, "issued_at": MADE });
        let tokens = self.keys.iter().skip((page - 1) * PAGE).take(PAGE);
        json!({
            "tokens": tokens.map(token).collect::<Vec<_>>(),
            "pages": self.keys.len().div_ceil(PAGE),
        })
    }
}
