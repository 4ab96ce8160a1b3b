//! The vendor's API as the provider uses it, in memory. It answers as the vendor's documentation says: operations take a
//! few queries, and meanwhile the project is locked.

use agent_pool_core::ProvisionedTool;
use agent_pool_core::conformance::{FakeRequest, FakeResponse, FakeVendor, Held};
use serde_json::{Value, json};

const KEY: &str = "napi-of-the-fake";
const PAGE: usize = 5;
/// Queries until an operation is finished.
const LOOKS: u8 = 2;

#[derive(Debug, Default)]
pub(crate) struct Neon {
    made: usize,
    branches: Vec<Branch>,
    /// The queries that an operation still takes, by its position.
    operations: Vec<u8>,
}

#[derive(Debug)]
struct Branch {
    id: String,
    name: String,
    password: String,
}

impl FakeVendor for Neon {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("NEON_API_URL", url.to_owned()),
            ("NEON_API_KEY", KEY.to_owned()),
            ("NEON_PROJECT_ID", "proj-1".to_owned()),
            ("NEON_POLL_MS", "2".to_owned()),
        ]
    }

    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        if request.bearer() != Some(KEY) {
            return Some(fault(401, "no such key"));
        }
        let path = request.path();
        let ["projects", "proj-1", path @ ..] = &path[..] else {
            return None;
        };
        let changes = request.method() != "GET";
        if changes && self.operations.iter().any(|looks| *looks > 0) {
            // They continue on their own, even if their client has ended.
            self.operations
                .iter_mut()
                .for_each(|looks| *looks = looks.saturating_sub(1));
            return Some(fault(423, "the project has operations in progress"));
        }
        match (request.method(), path) {
            ("GET", ["branches"]) => Some(FakeResponse::json(200, &self.page(request))),
            ("POST", ["branches"]) => self.create(request),
            ("POST", ["branches", id, "roles", "neondb_owner", "reset_password"]) => self.reset(id),
            ("GET", ["operations", id]) => self.look(id),
            ("DELETE", ["branches", id]) if self.branches.iter().all(|one| one.id != *id) => {
                Some(fault(404, "branch not found"))
            }
            ("DELETE", ["branches", id]) => {
                self.branches.retain(|one| one.id != *id);
                Some(FakeResponse::json(200, &json!({ "operations": [] })))
            }
            _ => None,
        }
    }

    fn held(&self) -> Vec<Held> {
        let names = self.branches.iter().map(|branch| branch.name.clone());
        names
            .map(|label| Held {
                kind: "branch",
                label,
            })
            .collect()
    }

    fn usable(&self, tool: &ProvisionedTool) -> Option<Result<(), String>> {
        let url = tool.env.get("DATABASE_URL")?.expose();
        let own = self.branches.iter().any(|branch| {
            url.contains(&branch.password) && url.contains(&format!("@{}.neon", branch.id))
        });
        if !own {
            return Some(Err("it is not the password of this branch alone".to_owned()));
        }
        let busy = self.operations.iter().any(|looks| *looks > 0);
        Some(match busy {
            true => Err("an operation is in progress".to_owned()),
            false => Ok(()),
        })
    }

    fn page_size(&self) -> Option<usize> {
        Some(PAGE)
    }
}

impl Neon {
    fn operation(&mut self) -> Value {
        self.operations.push(LOOKS);
        json!([{ "id": format!("op-{}", self.operations.len()), "status": "running" }])
    }

    fn create(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        let branch: Value = request.member("branch")?;
        request.member::<Vec<Value>>("endpoints")?;
        self.made += 1;
        let id = format!("br-{}", self.made);
        let name = branch["name"].as_str()?.to_owned();
        let shown = json!({ "id": id, "name": name, "created_at": "2026-01-01T00:00:00Z" });
        self.branches.push(Branch {
            id: id.clone(),
            name,
            password: "password-of-the-parent".to_owned(),
        });
        let endpoints = json!([{ "host": format!("{id}.neon.example") }]);
        let operations = self.operation();
        let body = json!({ "branch": shown, "endpoints": endpoints, "operations": operations });
        Some(FakeResponse::json(201, &body))
    }

    fn reset(&mut self, id: &str) -> Option<FakeResponse> {
        let operations = self.operation();
        let branch = self.branches.iter_mut().find(|branch| branch.id == id)?;
        branch.password = format!("npg-of-{id}");
        let body = json!({ "role": { "password": branch.password }, "operations": operations });
        Some(FakeResponse::json(200, &body))
    }

    fn look(&mut self, id: &str) -> Option<FakeResponse> {
        let number: usize = id.strip_prefix("op-")?.parse().ok()?;
        let looks = self.operations.get_mut(number.checked_sub(1)?)?;
        *looks = looks.saturating_sub(1);
        let status = if *looks == 0 { "finished" } else { "running" };
        let body = json!({ "operation": { "id": id, "status": status } });
        Some(FakeResponse::json(200, &body))
    }

    fn page(&self, request: &FakeRequest) -> Value {
        let from: usize = request.query("cursor").unwrap_or("0").parse().unwrap_or(0);
        let branch = |one: &Branch| json!({ "id": one.id, "name": one.name, "created_at": "2026-01-01T00:00:00Z" });
        let page = self.branches.iter().skip(from).take(PAGE);
        let next = from + PAGE;
        let next = (next < self.branches.len()).then(|| next.to_string());
        json!({ "branches": page.map(branch).collect::<Vec<_>>(), "pagination": { "next": next } })
    }
}

fn fault(status: u16, message: &str) -> FakeResponse {
    FakeResponse::json(status, &json!({ "code": "", "message": message }))
}
