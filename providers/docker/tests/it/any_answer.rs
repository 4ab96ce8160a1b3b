//! Answers of any form: each is read or refused, and what is refused is safe to show.

use std::time::Duration;

use agent_pool_core::conformance::{
    FakeRequest, FakeResponse, FakeServer, FakeVendor, Harness as _, Held,
};
use agent_pool_core::{
    Context, EnvVars, InfraHandle, InstanceId, Mark, ProviderError, Redeploy, Secret, is_unsafe,
};
use provider_docker::Docker;
use serde_json::{Map, Value, json};

use crate::support::spec;

const ROUNDS: u64 = 40;
/// How long one operation may wait for what such an engine never does.
const PATIENCE: Duration = Duration::from_millis(100);
const DEPTH: u32 = 3;
/// What an engine might say. Any of it may be absent, or of another form.
fn usual() -> [(&'static str, Value); 10] {
    let label = "a\u{0}b\u{202e}\n";
    [
        ("Id", json!(label)),
        ("Name", json!("ap-dev-abcdefghijkl")),
        ("Names", json!([label])),
        (
            "Labels",
            json!({ "agent-pool.instance": "abcdefghijkl", "agent-pool.mark": "ap-dev-", "agent-pool.name": "ap-dev-abcdefghijkl" }),
        ),
        ("Image", json!(label)),
        ("Created", json!(0)),
        ("State", json!("running")),
        ("Status", json!(label)),
        ("Warnings", json!([label])),
        ("message", json!(label)),
    ]
}

const TEXTS: [&str; 7] = [
    "",
    "ap-dev-abcdefghijkl",
    "running",
    "2026-11-01T00:00:00Z",
    "a\u{0}b\u{202e}\n",
    "sha256:0",
    "30000/tcp",
];

/// An engine that states its version, and answers everything else with success and any JSON.
struct AnyEngine {
    state: u64,
}

impl AnyEngine {
    /// A number below `limit` (xorshift).
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % limit as u64).unwrap()
    }

    fn object(&mut self, depth: u32) -> Value {
        let mut object = Map::new();
        for (name, usual) in usual() {
            match self.below(24) {
                0 => drop(object.insert(name.to_owned(), self.value(depth))),
                1..=14 => drop(object.insert(name.to_owned(), usual)),
                _ => {}
            }
        }
        object.into()
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 5 } else { 9 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.below(100_000)),
            3 => json!(-1.5e300),
            4 => json!(TEXTS[self.below(TEXTS.len())]),
            5 | 6 => self.object(depth - 1),
            _ => (0..self.below(3)).map(|_| self.value(depth - 1)).collect(),
        }
    }
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
        let answer = match path[..] {
            [.., "version"] => json!({ "ApiVersion": "1.41", "MinAPIVersion": "1.24" }),
            // A list.
            [.., "networks"] | [.., "containers" | "images", "json"] => {
                (0..self.below(3)).map(|_| self.object(DEPTH)).collect()
            }
            _ => self.object(DEPTH),
        };
        Some(FakeResponse::json(200, &answer))
    }

    fn held(&self) -> Vec<Held> {
        Vec::new()
    }
}

/// A panic fails the test; an error must be safe to show.
fn check<T>(what: &str, seed: u64, answer: Result<T, ProviderError>) -> Option<T> {
    answer
        .inspect_err(|error| {
            let shown = error.to_string();
            assert!(
                !shown.chars().any(is_unsafe),
                "{what}, seed {seed}: {shown:?}"
            );
        })
        .ok()
}

#[tokio::test]
async fn any_answer_of_the_vendor_is_read_or_refused() {
    let mark = Mark::new(&"dev".parse().unwrap());
    let context = Context::new(mark, agent_pool_core::http::client().unwrap());
    let cx = || context.within(PATIENCE);
    let mut read = 0;
    for seed in 1..=ROUNDS {
        let engine = AnyEngine {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        };
        let server = FakeServer::start("docker", engine).await;
        let docker = Docker::build(&server.environment()).unwrap();
        let instance = InstanceId::generate();
        let made = docker.create(&cx(), &instance, &spec()).await;
        let handle = check("create", seed, made).map_or_else(
            || InfraHandle::new(instance.clone(), "service-1".parse().unwrap()),
            |made| made.handle,
        );
        let variables = EnvVars::from_iter([("A".parse().unwrap(), Secret::new("b"))]);
        let configured = docker
            .configure(&cx(), &handle, &variables, Redeploy::Yes)
            .await;
        check("configure", seed, configured);
        check("redeploy", seed, docker.redeploy(&cx(), &handle).await);
        let listed = check("list", seed, docker.list(&cx()).await);
        read += usize::from(listed.is_some());
        check("logs", seed, docker.logs(&cx(), &handle, 10).await);
        let updated = docker.update_image(&cx(), &handle, "image:2").await;
        check("update_image", seed, updated);
        check("verify", seed, docker.verify(&cx()).await);
        check("destroy", seed, docker.destroy(&cx(), &handle).await);
    }
    let rounds = usize::try_from(ROUNDS).unwrap();
    assert!(
        0 < read && read < rounds,
        "{read} of {rounds} lists are read"
    );
}
