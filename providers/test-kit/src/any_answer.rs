use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::conformance::{
    FakeRequest, FakeResponse, FakeServer, FakeVendor, Harness as _, Held, InfraHarness,
    ToolHarness,
};
use agent_pool_core::{
    Context, EnvVars, InfraHandle, InfraProvider, InstanceId, InstanceSpec, Mark, ProviderError,
    Redeploy, Secret, ToolOptions, ToolProvider, http,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Map, Value, json};

/// Rounds of calls, each with answers of another seed.
const ROUNDS: u64 = 40;
/// Time limit of one operation that waits for something that such a vendor never does.
const PATIENCE: Duration = Duration::from_millis(100);
/// How deep answers are nested.
const DEPTH: u32 = 4;

/// A vendor that answers every request with success and any JSON.
#[derive(Debug, Clone, Copy)]
pub struct AnyVendor {
    /// The provider's id, as its crate registers it.
    pub id: &'static str,
    /// The variable with the URL of its API.
    pub url: &'static str,
    /// Its other settings.
    pub settings: &'static [(&'static str, &'static str)],
    /// Names of members that the provider reads: without them every answer is refused at its first member.
    pub members: &'static [&'static str],
}

impl AnyVendor {
    fn answers(self, seed: u64) -> Answers {
        Answers {
            vendor: self,
            random: StdRng::seed_from_u64(seed),
        }
    }
}

struct Answers {
    vendor: AnyVendor,
    random: StdRng,
}

impl FakeVendor for Answers {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        let settings = self.vendor.settings.iter();
        let settings = settings.map(|(name, value)| (*name, (*value).to_owned()));
        settings
            .chain([(self.vendor.url, url.to_owned())])
            .collect()
    }

    fn respond(&mut self, _: &FakeRequest) -> Option<FakeResponse> {
        let answer = any_object(&mut self.random, self.vendor.members, DEPTH);
        Some(FakeResponse::json(200, &answer))
    }

    fn held(&self) -> Vec<Held> {
        Vec::new()
    }
}

fn any_object(random: &mut StdRng, members: &[&str], depth: u32) -> Value {
    let mut object = Map::new();
    for name in members {
        if random.random_bool(0.6) {
            object.insert((*name).to_owned(), any_value(random, members, depth));
        }
    }
    object.into()
}

fn any_value(random: &mut StdRng, members: &[&str], depth: u32) -> Value {
    let texts = [
        "",
        "ap-dev-abcdefghijkl",
        "0b9f4c1e-7d1a-4c55-9d0e-2f6f6a3c1d2e",
        "+15550001111",
        "2026-11-01T00:00:00Z",
        "active",
        "a\u{0}b\u{202e}\n",
        "https://example.org/\u{e9}?x=1",
    ];
    let kinds = if depth == 0 { 5 } else { 9 };
    match random.random_range(0..kinds) {
        0 => Value::Null,
        1 => random.random_bool(0.5).into(),
        2 => random.random::<i64>().into(),
        3 => json!(random.random::<f64>() * 1e300),
        5 | 6 => any_object(random, members, depth - 1),
        7 | 8 => {
            let count = random.random_range(0..3);
            (0..count)
                .map(|_| any_value(random, members, depth - 1))
                .collect()
        }
        _ => (*texts.choose(random).unwrap_or(&"")).into(),
    }
}

/// A usual answer in which any value may be replaced or missing.
pub fn any_form_of(usual: &Value, random: &mut StdRng) -> Value {
    if random.random_ratio(1, 40) {
        return any_value(random, &["name"], 2);
    }
    match usual {
        Value::Object(members) => members
            .iter()
            .filter_map(|(name, value)| {
                let is_kept = !random.random_ratio(1, 40);
                is_kept.then(|| (name.clone(), any_form_of(value, random)))
            })
            .collect(),
        Value::Array(values) => values.iter().map(|one| any_form_of(one, random)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => usual.clone(),
    }
}

/// Contexts of single operations, with a short deadline.
fn contexts() -> impl Fn() -> Context {
    let mark = Mark::new(&"dev".parse().unwrap());
    let context = Context::new(mark, http::client().unwrap());
    move || context.within(PATIENCE)
}

/// The result of an operation, after a check. A panic fails the test; an error must be safe to show.
fn check<T>(what: &str, seed: u64, answer: Result<T, ProviderError>) -> Option<T> {
    answer
        .inspect_err(|error| {
            let shown = error.to_string();
            let safe = !shown.chars().any(agent_pool_core::is_unsafe);
            assert!(safe, "{what}, seed {seed}: {shown:?}");
        })
        .ok()
}

/// Calls every operation of a tool: each answer of its vendor is read or refused.
pub async fn any_answer_to_a_tool_is_read_or_refused(vendor: AnyVendor) {
    let context = contexts();
    for seed in 0..ROUNDS {
        let server = FakeServer::start(vendor.id, vendor.answers(seed)).await;
        let tool: Arc<dyn ToolProvider> =
            ToolHarness::build(&server, &server.environment()).unwrap();
        let instance = InstanceId::generate();
        let made = tool
            .provision(&context(), &instance, &ToolOptions::new())
            .await;
        let resource = match check("provision", seed, made) {
            Some(made) => made.resource,
            None => "ap-dev-abcdefghijkl".parse().unwrap(),
        };
        check("list", seed, tool.list(&context()).await);
        check("usage", seed, tool.usage(&context(), &resource).await);
        check("refresh", seed, tool.refresh(&context()).await);
        check("verify", seed, tool.verify(&context()).await);
        let destroyed = tool.destroy(&context(), &instance, &resource).await;
        check("destroy", seed, destroyed);
    }
}

/// Calls every operation of an infra: each answer of its vendor is read or refused. `data` is what its handles hold.
pub async fn any_answer_to_an_infra_is_read_or_refused(vendor: AnyVendor, data: Value) {
    any_answer_of_an_infras_vendor(vendor.id, |seed| vendor.answers(seed), data).await;
}

/// Like [`any_answer_to_an_infra_is_read_or_refused`], with a vendor for each seed. Returns how many of the lists
/// were read, and of how many.
pub async fn any_answer_of_an_infras_vendor<V: FakeVendor>(
    id: &'static str,
    vendor: impl Fn(u64) -> V,
    data: Value,
) -> (u64, u64) {
    let context = contexts();
    let mut read = 0;
    for seed in 0..ROUNDS {
        let server = FakeServer::start(id, vendor(seed)).await;
        let infra: Arc<dyn InfraProvider> =
            InfraHarness::build(&server, &server.environment()).unwrap();
        let instance = InstanceId::generate();
        let spec = InstanceSpec {
            name: "an agent".to_owned(),
            ..InstanceSpec::default()
        };
        let made = infra.create(&context(), &instance, &spec).await;
        let handle = match check("create", seed, made) {
            Some(made) => made.handle,
            None => InfraHandle {
                data: data.clone(),
                ..InfraHandle::new(instance, "service-1".parse().unwrap())
            },
        };
        let variables = EnvVars::from_iter([("A".parse().unwrap(), Secret::new("b"))]);
        let configured = infra
            .configure(&context(), &handle, &variables, Redeploy::Yes)
            .await;
        check("configure", seed, configured);
        check("redeploy", seed, infra.redeploy(&context(), &handle).await);
        let listed = check("list", seed, infra.list(&context()).await);
        read += u64::from(listed.is_some());
        check("logs", seed, infra.logs(&context(), &handle, 10).await);
        let image = infra.update_image(&context(), &handle, "image:2").await;
        check("update_image", seed, image);
        check("verify", seed, infra.verify(&context()).await);
        check("destroy", seed, infra.destroy(&context(), &handle).await);
    }
    (read, ROUNDS)
}
