//! The ledger of costs, budgets, and the limits of agents.

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::fake::{Fault, Op};
use crate::world::{SOON, World};

/// A pool whose instances cost ten dollars an hour, and one dollar once.
async fn priced(policy: &Value) -> World {
    let world = World::new(&[]).await;
    world.fake.state().prices = json!({
        "cloud": { "perHourMicros": 10_000_000 }, "phone": { "onceMicros": 1_000_000 },
    });
    let body = json!({ "policy": policy }).to_string();
    let answer = world.send("PATCH", "/api/pool/pools/default", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    world.tick().await;
    world.until_count("idle", 1).await;
    world
}

/// Moves everything into the past by this time.
async fn let_pass(world: &World, time: &str) {
    for statement in [
        "UPDATE instance_costs SET since = since - interval '{time}', idle_at = NULL, claimed_at = NULL",
        "UPDATE instance_events SET at = at - interval '{time}'",
    ] {
        world.sql(&statement.replace("{time}", time)).await;
    }
    world.tick().await;
}

async fn costs(world: &World) -> Value {
    let answer = world.send("GET", "/api/pool/costs?pool=default", "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["pools"][0].clone()
}

fn dollars(costs: &Value, member: &str) -> u64 {
    costs["spent"][member].as_u64().unwrap() / 1_000_000
}

#[tokio::test]
async fn what_an_instance_costs_is_the_pools_until_it_is_claimed() {
    let world = priced(&json!({ "minIdle": 1, "maxTotal": 1 })).await;
    // A minute, so that the test may run just after midnight.
    let_pass(&world, "1 min").await;
    let id = world.claim("{}").await.body["instanceId"].clone();
    let_pass(&world, "6 min").await;
    let costs = costs(&world).await;
    assert_eq!(
        (
            dollars(&costs, "idleMicros"),
            dollars(&costs, "agentMicros")
        ),
        (1, 1)
    );
    assert_eq!(costs["agents"][0]["instanceId"], id);
    let resources: Vec<_> = costs["resources"].as_array().unwrap().iter().collect();
    assert_eq!(resources.len(), 2);
    assert!(
        resources
            .iter()
            .any(|one| one["resource"] == "phone" && one["onceMicros"] == 1_000_000)
    );
    let read = world
        .send("GET", "/api/pool/costs?since=2020-01-01", "")
        .await;
    assert_eq!((read.status, &read.body["field"]), (400, &json!("since")));
}

#[tokio::test]
async fn a_pool_that_has_spent_its_budget_creates_nothing_and_says_so_once() {
    let world = priced(&json!({ "minIdle": 1, "budget": "$2/day" })).await;
    world
        .sql("INSERT INTO webhook_endpoints (id, url, secret, events) VALUES ('e', 'u', 's', '{pool.budget_reached}')")
        .await;
    let shown = async || world.send("GET", "/api/pool/pools/default", "").await.body;
    assert_eq!(shown().await.get("hold"), None);
    world
        .sql("UPDATE cost_ledger SET micros = 2030000 WHERE kind = 'once'")
        .await;
    for _ in 0..2 {
        world.tick().await;
    }
    let hold = shown().await["hold"].clone();
    assert_eq!(hold["cause"], "budget");
    assert!(
        hold["reason"]
            .as_str()
            .unwrap()
            .contains("of its budget of $2/day"),
        "{hold}"
    );
    assert!(hold["until"].is_string());
    assert_eq!(world.claim("{}").await.status, 200);
    assert_eq!(
        world.tick().await["created"],
        0,
        "claimed instances are not replaced"
    );
    let story = world
        .send("GET", "/api/pool/explain/pool/default", "")
        .await;
    assert!(
        story.body.to_string().contains("its budget is spent"),
        "{}",
        story.body
    );
    let raised = "SELECT count(*)::text AS it FROM webhook_messages";
    assert_eq!(world.ask(raised).await.as_deref(), Some("1"));
    let more = r#"{"policy": {"budget": "$500/month"}}"#;
    let changed = world.send("PATCH", "/api/pool/pools/default", more).await;
    assert_eq!(changed.body.get("hold"), None, "{}", changed.body);
    assert_eq!(world.tick().await["created"], 1);
    let bad = world
        .send(
            "PATCH",
            "/api/pool/pools/default",
            r#"{"policy": {"budget": "20"}}"#,
        )
        .await;
    bad.is_problem(400, "invalid_field");
    let page = costs(&world).await;
    assert_eq!(page["budget"]["budget"], "$500/month");
}

#[tokio::test]
async fn a_budget_that_is_removed_and_set_again_is_reported_again() {
    let world = World::new(&[]).await;
    world
        .sql("INSERT INTO webhook_endpoints (id, url, secret, events) VALUES ('e', 'u', 's', '{pool.budget_reached}')")
        .await;
    let raised = async || {
        world.tick().await;
        let raised = "SELECT count(*)::text AS it FROM webhook_messages";
        world.ask(raised).await.unwrap()
    };
    let path = "/api/pool/pools/research";
    let spent = r#"{"policy": {"budget": "$0/day"}}"#;
    assert_eq!(world.send("PUT", path, spent).await.status, 200);
    assert_eq!(raised().await, "1");
    assert_eq!(world.send("PUT", path, "{}").await.status, 200);
    assert_eq!(raised().await, "1");
    assert_eq!(world.send("PUT", path, spent).await.status, 200);
    assert_eq!(raised().await, "2");
    assert_eq!(world.send("DELETE", path, "").await.status, 200);
    assert_eq!(raised().await, "2");
    assert_eq!(world.send("PUT", path, spent).await.status, 200);
    assert_eq!(raised().await, "3");
}

#[tokio::test]
async fn the_gauges_of_a_budget_have_no_value_once_it_is_removed() {
    let world = World::new(&[]).await;
    let gauge = async || {
        world.tick().await;
        let metrics = world.send("GET", "/metrics", "").await.body;
        let mut lines = metrics.as_str().unwrap().lines();
        let line = lines
            .find_map(|line| line.strip_prefix(r#"agent_pool_budget_dollars{pool="gauged"} "#));
        line.map(str::to_owned)
    };
    let path = "/api/pool/pools/gauged";
    let budget = r#"{"policy": {"budget": "$7/day"}}"#;
    assert_eq!(world.send("PUT", path, budget).await.status, 200);
    assert_eq!(gauge().await.as_deref(), Some("7"));
    assert_eq!(world.send("PUT", path, "{}").await.status, 200);
    assert_eq!(gauge().await.as_deref(), Some("NaN"));
}

#[tokio::test]
async fn what_agents_use_is_in_the_ledger() {
    let world = World::new(&[]).await;
    let id = InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "claimed", "NULL").await;
    world.fake.state().usage = json!({ (id.to_string()): { "openrouter": { "usd": 1.25 } } });
    world.replica.pool.keep_reading_usage();
    eventually("usage is charged", SOON, async || {
        costs(&world).await["spent"]["agentMicros"] == 1_250_000
    })
    .await;
}

#[tokio::test]
async fn the_limit_of_an_agent_is_raised_at_the_vendor() {
    let world = World::new(&[]).await;
    let id = InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "claimed", "NULL").await;
    let path = format!("/api/pool/instances/{id}/tools/openrouter");
    let change = r#"{"config": {"limit": 50}}"#;
    let answer = world.send("PATCH", &path, change).await;
    assert_eq!((answer.status, &answer.body["ok"]), (200, &json!(true)));
    assert_eq!(
        world.fake.state().tool_changes,
        [json!({ "config": { "limit": 50 } })]
    );
    world
        .fake
        .fail(Op::UpdateTool, Fault::Refuse(501, "unsupported"));
    let refused = world.send("PATCH", &path, change).await;
    refused.is_problem(501, "unsupported");
}

#[tokio::test]
async fn a_creation_that_services_undid_is_charged_as_failed() {
    let world = World::new(&[]).await;
    world.fake.state().prices = json!({ "phone": { "onceMicros": 1_000_000 } });
    world
        .fake
        .fail(Op::Create, Fault::Refuse(502, "vendor_refused"));
    let body = json!({ "policy": { "minIdle": 1 } }).to_string();
    world.send("PATCH", "/api/pool/pools/default", &body).await;
    world.tick().await;
    eventually("it is destroyed", SOON, async || {
        let left = "SELECT count(*)::text AS it FROM instances";
        world.ask(left).await.as_deref() == Some("0")
    })
    .await;
    world
        .send(
            "PATCH",
            "/api/pool/pools/default",
            r#"{"policy": {"paused": true}}"#,
        )
        .await;
    world.tick().await;
    let costs = costs(&world).await;
    assert_eq!(dollars(&costs, "failedMicros"), 1, "{costs}");
}

#[tokio::test]
async fn an_added_tool_costs_its_agent_until_it_is_released() {
    let world = World::new(&[]).await;
    let id = InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "claimed", "NULL").await;
    world.fake.state().tool_prices =
        json!({ "telnyx": { "perHourMicros": 60_000_000, "onceMicros": 2_000_000 } });
    let path = format!("/api/pool/instances/{id}/tools/telnyx");
    for _ in 0..2 {
        let added = world.send("POST", &path, "").await;
        assert_eq!(added.status, 200, "{}", added.body);
    }
    let earlier = "UPDATE instance_costs
                   SET since = since - interval '1 min', claimed_at = since - interval '1 min'";
    world.sql(earlier).await;
    let released = world.send("DELETE", &path, "").await;
    assert_eq!(released.status, 200, "{}", released.body);
    world.tick().await;
    let charged = costs(&world).await;
    assert_eq!(dollars(&charged, "agentMicros"), 3, "{charged}");
    let open = "SELECT count(*)::text AS it FROM instance_costs WHERE NOT settled";
    assert_eq!(
        world.ask(open).await.as_deref(),
        Some("0"),
        "the tool is released"
    );
}

#[tokio::test]
async fn what_an_agent_used_last_is_asked_before_it_is_destroyed() {
    let world = World::new(&[]).await;
    let (agent, idle) = (InstanceId::generate(), InstanceId::generate());
    world.fake.add(&agent);
    world.insert(&agent, "claimed", "NULL").await;
    world.fake.add(&idle);
    world.insert(&idle, "idle", "NULL").await;
    world
        .sql(&format!(
            "UPDATE instances SET claimed_at = NULL WHERE id = '{idle}'"
        ))
        .await;
    world.fake.state().usage = json!({ (agent.to_string()): { "openrouter": { "usd": 2 } } });
    for id in [&agent, &idle] {
        let path = format!("/api/pool/instances/{id}");
        assert_eq!(world.send("DELETE", &path, "").await.status, 200);
        world.until(id, None).await;
    }
    assert_eq!(
        world.fake.times(Op::Usage),
        1,
        "an idle instance has used nothing"
    );
    world.tick().await;
    assert_eq!(dollars(&costs(&world).await, "agentMicros"), 2);
}
