//! Tools that are created at a claim or on demand, and released again.

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::fake::{Fault, KEY, Op};
use crate::world::{Answer, Replica, SOON, World, answer, settings};

const OWN_KEY: &str = "the-key-of-the-runtime";
/// A pool that gives a mailbox at a claim and a phone number on demand.
const PHASES: &str = r#"{
    "recipe": { "tools": ["openrouter"], "claimTools": ["agentmail"], "demandTools": ["telnyx"] },
    "policy": { "minIdle": 1 }
}"#;

impl World {
    /// A pool `default` of [`PHASES`] with one idle instance, and the key of its runtime.
    async fn of_phases() -> (Self, InstanceId, String) {
        let world = Self::new(&[("POOL_CALLBACK_URL", "https://pool.example")]).await;
        let put = world.send("PUT", "/api/pool/pools/default", PHASES).await;
        assert_eq!(put.status, 200, "{}", put.body);
        world.tick().await;
        let (id, key) = world.next_idle(None).await;
        (world, id, key)
    }

    /// The instance that is idle, and is not `other`, with the key of its runtime.
    async fn next_idle(&self, other: Option<&InstanceId>) -> (InstanceId, String) {
        let other = other.map_or("none", InstanceId::as_str);
        let idle = format!(
            "SELECT id AS it FROM instances WHERE status = 'idle' AND id <> '{other}' LIMIT 1"
        );
        eventually("an instance is idle", SOON, async || {
            self.ask(&idle).await.is_some()
        })
        .await;
        let id: InstanceId = self.ask(&idle).await.unwrap().parse().unwrap();
        let key = self.fake.state().instances[&id].key.clone();
        (id, key)
    }

    async fn ask_for(&self, method: &str, id: &InstanceId, tool: &str, key: &str) -> Answer {
        let url = format!("{}/api/pool/instances/{id}/tools/{tool}", self.url);
        let request = self.http.request(method.parse().unwrap(), url);
        answer(request.bearer_auth(key)).await
    }

    fn tools(&self, id: &InstanceId) -> Vec<String> {
        let state = self.fake.state();
        state.instances[id].tools.iter().cloned().collect()
    }

    fn given(&self, id: &InstanceId, name: &str) -> Option<String> {
        let state = self.fake.state();
        state.instances[id].given.get(name).cloned()
    }

    async fn events_of(&self, id: &InstanceId) -> Vec<(String, Value)> {
        let path = format!("/api/pool/events?instanceId={id}");
        let log = self.send("GET", &path, "").await.body;
        let events = log["events"].as_array().unwrap().iter().rev();
        let text = |event: &Value| event["cause"].as_str().unwrap().to_owned();
        events.map(|event| (text(event), event.clone())).collect()
    }
}

#[tokio::test]
async fn tools_of_a_claim_are_made_by_it_and_their_variables_reach_the_agent() {
    let (world, id, _) = World::of_phases().await;
    let made = world.fake.state().created[&id]["tools"].clone();
    assert_eq!(made, json!(["openrouter"]), "an idle one has no mailbox");
    assert_eq!(world.fake.times(Op::EnsureTools), 0);
    let claim = world.claim("{}").await;
    assert_eq!(claim.status, 200, "{}", claim.body);
    assert_eq!(claim.body["instanceId"], id.as_str());
    assert_eq!(world.tools(&id), ["agentmail"]);
    let given = world.given(&id, "AGENTMAIL_KEY");
    assert_eq!(given.as_deref(), Some("hunter2-agentmail"));
    let asked = world.fake.state().instances[&id].provisioned[0].clone();
    let tools_url = format!("https://pool.example/api/pool/instances/{id}/tools");
    assert_eq!(asked["toolsUrl"], tools_url.as_str());
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn tools_of_a_claim_are_made_while_its_runtime_is_provisioned() {
    let (world, _, _) = World::of_phases().await;
    world.fake.fail(Op::EnsureTools, Fault::Hang);
    world.fake.fail(Op::Provision, Fault::Hang);
    let claim = tokio::spawn(answer(world.claim_at(&world.url, "", None, "{}")));
    eventually("both have begun", SOON, async || {
        world.fake.times(Op::EnsureTools) == 1 && world.fake.times(Op::Provision) == 1
    })
    .await;
    world.fake.resume();
    assert_eq!(claim.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_vendor_that_fails_ends_the_claim_and_uses_up_one_instance() {
    let (world, id, _) = World::of_phases().await;
    world.idle(2).await;
    let failed = Fault::Refuse(503, "vendor_unavailable");
    world.fake.fail(Op::EnsureTools, failed);
    let claim = world.claim("{}").await;
    claim.is_problem(503, "services_unavailable");
    let detail = claim.body["detail"].as_str().unwrap();
    assert!(detail.contains("its tools could not be made"), "{detail}");
    world.until(&id, None).await;
    assert_eq!(world.fake.times(Op::Destroy), 1);
}

#[tokio::test]
async fn tools_that_take_longer_than_the_claim_may_end_it() {
    // Long enough for the calls before the one that hangs.
    let world = World::new(&[("CLAIM_TIMEOUT_MS", "3000")]).await;
    world.send("PUT", "/api/pool/pools/default", PHASES).await;
    world.tick().await;
    let (id, _) = world.next_idle(None).await;
    world.fake.fail(Op::EnsureTools, Fault::Hang);
    let claim = world.claim("{}").await;
    claim.is_problem(504, "claim_timed_out");
    world.fake.resume();
    world.until(&id, None).await;
}

#[tokio::test]
async fn an_instance_that_is_idle_again_has_no_tools_of_its_claim() {
    let (world, id, _) = World::of_phases().await;
    let failed = Fault::Refuse(422, "join_failed");
    world.fake.fail(Op::Provision, failed.clone());
    let join = r#"{"joinUrl": "https://chat/x"}"#;
    let claim = world.claim(join).await;
    claim.is_problem(422, "join_failed");
    world.until(&id, Some("idle")).await;
    assert_eq!(world.tools(&id), [""; 0]);
    assert_eq!(world.given(&id, "AGENTMAIL_KEY"), None, "it was reset");

    world.fake.fail(Op::Provision, failed);
    world.fake.fail(Op::RemoveTool, Fault::Before(503));
    let claim = world.claim(r#"{"joinUrl": "https://chat/y"}"#).await;
    assert_eq!(claim.code(), "join_failed");
    world.until(&id, None).await;
}

#[tokio::test]
async fn a_runtime_that_takes_no_variables_costs_a_claim_of_tools_nothing() {
    let (world, id, _) = World::of_phases().await;
    world.fake.state().fixed_variables = true;
    let claim = world.claim("{}").await;
    claim.is_problem(502, "claim_failed");
    assert!(
        claim.body["detail"]
            .to_string()
            .contains("does not accept variables")
    );
    world.until(&id, Some("idle")).await;
    assert_eq!(world.fake.times(Op::EnsureTools), 0);
}

#[tokio::test]
async fn an_agent_gets_what_its_pool_gives_on_demand_and_returns_it() {
    let (world, id, key) = World::of_phases().await;
    let early = world.ask_for("POST", &id, "telnyx", &key).await;
    early.is_problem(403, "tool_not_on_demand");
    assert_eq!(world.claim("{}").await.status, 200);
    for _ in 0..2 {
        let added = world.ask_for("POST", &id, "telnyx", &key).await;
        let variables = json!({"TELNYX_KEY": "hunter2-telnyx"});
        let expected =
            json!({"instanceId": id, "tool": "telnyx", "delivered": true, "variables": variables});
        assert_eq!((added.status, added.body), (200, expected));
    }
    assert_eq!(world.tools(&id), ["agentmail", "telnyx"]);
    let other = world.ask_for("POST", &id, "exa", &key).await;
    other.is_problem(403, "tool_not_on_demand");
    let detail = other.body["detail"].as_str().unwrap();
    assert!(detail.contains("only telnyx"), "{detail}");
    for tool in ["openrouter", "agentmail"] {
        let kept = world.ask_for("DELETE", &id, tool, &key).await;
        assert_eq!(kept.code(), "tool_not_on_demand");
    }
    for _ in 0..2 {
        let released = world.ask_for("DELETE", &id, "telnyx", &key).await;
        assert_eq!(released.status, 200, "{}", released.body);
    }
    assert_eq!(world.tools(&id), ["agentmail"]);
    let events = world.events_of(&id).await;
    let (_, last) = events.last().unwrap();
    assert_eq!(
        (&last["cause"], &last["reason"], &last["to"]),
        (&json!("tool_released"), &json!("telnyx"), &json!("claimed"))
    );
    assert_eq!(last["principal"], format!("instance-{id}").as_str());
}

#[tokio::test]
async fn a_tool_requires_the_key_of_the_instance_or_an_operator() {
    let (world, id, key) = World::of_phases().await;
    assert_eq!(world.claim("{}").await.status, 200);
    world.tick().await;
    let (other, other_key) = world.next_idle(Some(&id)).await;
    let nobody = InstanceId::generate();
    for (id, key, status) in [
        (&id, other_key.as_str(), 401),
        (&id, OWN_KEY, 401),
        (&nobody, &key, 401),
        (&nobody, KEY, 404),
        (&other, &other_key, 403),
    ] {
        for method in ["POST", "DELETE"] {
            let refused = world.ask_for(method, id, "telnyx", key).await;
            assert_eq!(refused.status, status, "{}", refused.body);
        }
    }
    assert_eq!(world.fake.times(Op::RemoveTool), 0);
}

#[tokio::test]
async fn an_operator_gives_any_tool_and_sees_no_secret() {
    let (world, id, _) = World::of_phases().await;
    assert_eq!(world.claim("{}").await.status, 200);
    let added = world.ask_for("POST", &id, "exa", KEY).await;
    let expected = json!({"instanceId": id, "tool": "exa", "delivered": true});
    assert_eq!((added.status, added.body), (200, expected));
    assert_eq!(world.given(&id, "EXA_KEY").as_deref(), Some("hunter2-exa"));
    let released = world.ask_for("DELETE", &id, "exa", KEY).await;
    assert_eq!(released.body["delivered"], true);
    assert_eq!(world.given(&id, "EXA_KEY").as_deref(), Some(""));

    world.fake.state().fixed_variables = true;
    let added = world.ask_for("POST", &id, "exa", KEY).await;
    assert_eq!(
        (added.status, &added.body["delivered"]),
        (200, &json!(false))
    );
    let refused = Fault::Refuse(422, "provider_unconfigured");
    world.fake.fail(Op::EnsureTools, refused);
    let refused = world.ask_for("POST", &id, "telnyx", KEY).await;
    refused.is_problem(422, "provider_unconfigured");
}

#[tokio::test]
async fn the_settings_have_phases_too_and_no_tool_has_two() {
    let settings = [
        ("POOL_TOOLS", "openrouter,agentmail"),
        ("POOL_CLAIM_TOOLS", "telnyx"),
    ];
    let world = World::new(&settings).await;
    let put = |recipe: Value| {
        let body = json!({ "recipe": recipe, "policy": { "minIdle": 1 } }).to_string();
        let world = &world;
        async move { world.send("PUT", "/api/pool/pools/default", &body).await }
    };
    let twice = put(json!({"tools": ["exa"], "demandTools": ["exa"]})).await;
    assert_eq!(
        (twice.status, &twice.body["field"]),
        (400, &json!("recipe.demandTools"))
    );
    assert_eq!(put(json!({"demandTools": ["agentmail"]})).await.status, 200);
    world.tick().await;
    let (id, _) = world.next_idle(None).await;
    assert_eq!(
        world.fake.state().created[&id]["tools"],
        json!(["openrouter"])
    );
    assert_eq!(world.claim("{}").await.status, 200);
    assert_eq!(world.tools(&id), ["telnyx"]);
}

#[tokio::test]
async fn a_tool_that_services_does_not_know_is_refused_with_its_phase() {
    let world = World::new(&[]).await;
    for (recipe, field) in [
        (r#"{"tools": ["nosuch"]}"#, "recipe.tools"),
        (
            r#"{"tools": ["exa"], "claimTools": ["telnyx", "nosuch"]}"#,
            "recipe.claimTools",
        ),
        (r#"{"demandTools": ["nosuch"]}"#, "recipe.demandTools"),
    ] {
        let body = format!(r#"{{"recipe": {recipe}}}"#);
        let refused = world.send("PUT", "/api/pool/pools/phased", &body).await;
        assert_eq!((refused.status, refused.code()), (400, "invalid_field"));
        assert_eq!(refused.body["field"], field);
    }
    let missing = world.send("GET", "/api/pool/pools/phased", "").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn changed_tools_of_a_claim_apply_to_instances_that_are_idle_already() {
    let (world, id, _) = World::of_phases().await;
    let moved = r#"{
        "recipe": { "tools": ["agentmail"], "claimTools": ["exa", "openrouter"] }, "policy": { "minIdle": 1 }
    }"#;
    let put = world.send("PUT", "/api/pool/pools/default", moved).await;
    assert_eq!(put.status, 200, "{}", put.body);
    let claim = world.claim("{}").await;
    assert_eq!(claim.body["instanceId"], id.as_str(), "{}", claim.body);
    assert_eq!(
        world.tools(&id),
        ["agentmail", "exa"],
        "it was warmed up with openrouter, and without agentmail"
    );
}

#[tokio::test]
async fn changed_settings_apply_to_instances_that_are_idle_already() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    world.tick().await;
    world.next_idle(None).await;
    let changed = [("POOL_CLAIM_TOOLS", "exa")];
    let replica = Replica::start(&settings(&world.database, &world.fake.url, &changed)).await;
    replica.pool.declare_pools();
    let tool = "SELECT recipe -> 'claimTools' ->> 0 AS it FROM instances";
    eventually("the next claim makes it", SOON, async || {
        world.ask(tool).await.as_deref() == Some("exa")
    })
    .await;
}

#[tokio::test]
async fn a_tool_of_an_agent_is_no_second_claim_to_a_webhook() {
    let (world, id, _) = World::of_phases().await;
    let endpoint = r#"{"url": "https://hooks.example/x", "events": ["instance.claimed"]}"#;
    let made = world.send("POST", "/api/pool/webhooks", endpoint).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(world.claim("{}").await.status, 200);
    assert_eq!(world.ask_for("POST", &id, "exa", KEY).await.status, 200);
    let messages = "SELECT count(*)::text AS it FROM webhook_messages";
    assert_eq!(world.ask(messages).await.as_deref(), Some("1"));
}
