//! Several pools: declared, claimed from, changed and deleted.

use std::io::Write as _;

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::fake::{Fake, Fault, Op};
use crate::world::{Replica, SOON, World, settings};

/// A pool `research` that keeps one instance.
const RESEARCH: &str = r#"{
    "recipe": { "infra": "docker", "image": "agent:2", "tools": ["exa"], "variables": { "MODE": "deep" } },
    "policy": { "minIdle": 1, "maxTotal": 2 }
}"#;

async fn put(world: &World, name: &str, body: &str) -> Value {
    let answer = world
        .send("PUT", &format!("/api/pool/pools/{name}"), body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

async fn idle_in(world: &World, pool: &str) -> Vec<String> {
    let ids = format!(
        "SELECT string_agg(id, ',' ORDER BY created_at) AS it FROM instances
         WHERE pool = '{pool}' AND status = 'idle'"
    );
    let ids = world.ask(&ids).await.unwrap_or_default();
    ids.split(',')
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
        .collect()
}

async fn until_idle(world: &World, pool: &str, count: usize) {
    eventually(&format!("{count} are idle in {pool}"), SOON, async || {
        idle_in(world, pool).await.len() == count
    })
    .await;
}

#[tokio::test]
async fn a_pool_is_filled_by_its_recipe_and_claimed_by_its_name() {
    let world = World::new(&[]).await;
    let pool = put(&world, "research", RESEARCH).await;
    assert_eq!((&pool["version"], &pool["target"]), (&json!(1), &json!(1)));
    assert_eq!(world.tick().await["created"], 1);
    until_idle(&world, "research", 1).await;
    let id: InstanceId = idle_in(&world, "research").await[0].parse().unwrap();
    let asked = world.fake.state().created[&id].clone();
    assert_eq!(
        (
            &asked["infra"],
            &asked["image"],
            &asked["tools"],
            &asked["variables"]
        ),
        (
            &json!("docker"),
            &json!("agent:2"),
            &json!(["exa"]),
            &json!({ "MODE": "deep" })
        )
    );
    assert_eq!(world.claim("{}").await.code(), "no_idle_instance");
    let claimed = world.claim(r#"{"pool": "research"}"#).await;
    assert_eq!(claimed.body["instanceId"], id.as_str());
    let unknown = world.claim(r#"{"pool": "nobodys"}"#).await;
    unknown.is_problem(404, "unknown_pool");
    let shown = world.send("GET", "/api/pool/pools/research", "").await.body;
    assert_eq!(shown["counts"]["claimed"], 1);
    let events = world
        .send("GET", "/api/pool/events?pool=research", "")
        .await
        .body;
    let events = events["events"].as_array().unwrap();
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|event| event["pool"] == "research"));
}

#[tokio::test]
async fn a_claim_that_waits_gets_an_instance_of_its_pool() {
    let world = World::new(&[]).await;
    put(&world, "research", r#"{"recipe": {}, "policy": {}}"#).await;
    let waiting = world.claim_at(&world.url, "?wait=60", None, r#"{"pool": "research"}"#);
    let answer = crate::world::answer(waiting).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.body["instanceId"].as_str().unwrap();
    let pool = format!("SELECT pool AS it FROM instances WHERE id = '{id}'");
    assert_eq!(world.ask(&pool).await.as_deref(), Some("research"));
}

#[tokio::test]
async fn failures_of_one_pool_do_not_slow_another() {
    let world = World::new(&[]).await;
    put(&world, "broken", r#"{"policy": {"minIdle": 1}}"#).await;
    world
        .fake
        .fail(Op::Create, Fault::Refuse(502, "vendor_refused"));
    world.tick().await;
    let failed = "SELECT pool AS it FROM pool_creation_failures";
    eventually("it has failed", SOON, async || {
        world.ask(failed).await.as_deref() == Some("broken")
    })
    .await;
    world
        .sql("UPDATE pool_creation_failures SET retry_at = now() + interval '1 h'")
        .await;
    put(&world, "sound", r#"{"policy": {"minIdle": 1}}"#).await;
    world.tick().await;
    until_idle(&world, "sound", 1).await;
    let status = world.send("GET", "/api/pool/status", "").await.body;
    assert_eq!(status["creationFailures"][0]["pool"], "broken");
}

#[tokio::test]
async fn the_settings_of_the_default_pool_change_while_it_runs_and_are_kept() {
    let more = [("POOL_MIN_IDLE", "1")];
    let world = World::new(&more).await;
    let before = world.send("GET", "/api/pool/settings", "").await.body;
    assert_eq!(
        (&before["version"], &before["target"]),
        (&json!(0), &json!(1))
    );
    let paused = world
        .send(
            "PATCH",
            "/api/pool/settings",
            r#"{"paused": true, "minIdle": 2}"#,
        )
        .await;
    assert_eq!((paused.status, &paused.body["target"]), (200, &json!(2)));
    assert_eq!(paused.body["changedBy"], "api");
    assert_eq!(world.tick().await["created"], 0, "it is paused");
    let again = Replica::start(&settings(&world.database, &world.fake.url, &more)).await;
    let resumed = world
        .http
        .patch(format!("{}/api/pool/settings", again.url))
        .bearer_auth(crate::fake::KEY)
        .body(r#"{"paused": false, "maxTotal": 3}"#);
    let resumed = crate::world::answer(resumed).await;
    assert_eq!(
        (&resumed.body["target"], &resumed.body["maxTotal"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(world.tick().await["created"], 2);
    let unset = world
        .send("PATCH", "/api/pool/settings", r#"{"minIdle": null}"#)
        .await;
    assert_eq!(unset.body["target"], 1, "POOL_MIN_IDLE again");
    for (body, field) in [
        (r#"{"minIdle": 1000}"#, "policy.minIdle"),
        (r#"{"mindIdle": 1}"#, "policy.mindIdle"),
    ] {
        let refused = world.send("PATCH", "/api/pool/settings", body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "invalid_field"),
            "{body}"
        );
        assert_eq!(refused.body["field"], field);
    }
    let versions = world
        .send("GET", "/api/pool/pools/default/versions", "")
        .await
        .body;
    assert_eq!(versions["versions"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_change_for_another_version_is_refused_and_the_same_again_is_none() {
    let world = World::new(&[]).await;
    put(&world, "research", RESEARCH).await;
    assert_eq!(put(&world, "research", RESEARCH).await["version"], 1);
    let late = world
        .send("PUT", "/api/pool/pools/research?version=0", "{}")
        .await;
    late.is_problem(409, "pool_changed");
    let current = world
        .send("PUT", "/api/pool/pools/research?version=1", "{}")
        .await;
    assert_eq!(current.body["version"], 2);
}

#[tokio::test]
async fn a_pool_with_agents_is_deleted_only_if_they_are_moved() {
    let world = World::new(&[]).await;
    put(&world, "research", r#"{"policy": {"minIdle": 2}}"#).await;
    world.tick().await;
    until_idle(&world, "research", 2).await;
    let claimed = world.claim(r#"{"pool": "research"}"#).await;
    let agent: InstanceId = claimed.body["instanceId"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let path = "/api/pool/pools/research";
    let refused = world.send("DELETE", path, "").await;
    refused.is_problem(409, "pool_in_use");
    assert_eq!(
        idle_in(&world, "research").await.len(),
        1,
        "nothing was drained"
    );
    let nowhere = world
        .send("DELETE", &format!("{path}?moveTo=nobodys"), "")
        .await;
    assert_eq!(nowhere.code(), "unknown_pool");
    let deleted = world
        .send("DELETE", &format!("{path}?moveTo=default"), "")
        .await;
    assert_eq!((deleted.status, &deleted.body["moved"]), (200, &json!(1)));
    let drained: InstanceId = deleted.body["destroying"][0]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    world.until(&drained, None).await;
    assert_eq!(world.status(&agent).await.as_deref(), Some("claimed"));
    let pool = format!("SELECT pool AS it FROM instances WHERE id = '{agent}'");
    assert_eq!(world.ask(&pool).await.as_deref(), Some("default"));
    assert_eq!(world.send("GET", path, "").await.code(), "unknown_pool");
    assert_eq!(world.tick().await["created"], 0);
    let versions = world
        .send("GET", &format!("{path}/versions"), "")
        .await
        .body;
    assert_eq!(versions["versions"][0]["spec"], Value::Null);
    for (pool, status) in [("nobodys", 404), ("default", 200)] {
        let versions = format!("/api/pool/pools/{pool}/versions");
        let answer = world.send("GET", &versions, "").await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let usual = world.send("DELETE", "/api/pool/pools/default", "").await;
    assert_eq!(usual.code(), "pool_in_use");
}

#[tokio::test]
async fn a_file_declares_pools_and_a_later_change_lasts_until_the_file_changes() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "[pools.research.policy]\nmin_idle = 1").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let more = [("POOLS_FILE", path.as_str())];
    let world = World::new(&more).await;
    let target = async |expected: u64| {
        eventually("the file is applied", SOON, async || {
            let pool = world.send("GET", "/api/pool/pools/research", "").await;
            pool.body["target"] == expected
        })
        .await;
    };
    world.replica.pool.declare_pools();
    target(1).await;
    put(&world, "research", r#"{"policy": {"minIdle": 4}}"#).await;
    let restart = async || {
        let replica = Replica::start(&settings(&world.database, &world.fake.url, &more)).await;
        replica.pool.declare_pools();
        eventually("the file is read", SOON, async || {
            !replica.tasks.describe_running().contains("pools_file")
        })
        .await;
    };
    restart().await;
    target(4).await;
    writeln!(file, "max_total = 9").unwrap();
    restart().await;
    target(1).await;
    let shown = world.send("GET", "/api/pool/pools/research", "").await.body;
    assert_eq!(
        (&shown["maxTotal"], &shown["changedBy"]),
        (&json!(9), &json!("POOLS_FILE"))
    );
}

#[tokio::test]
async fn a_creation_that_another_replica_takes_over_keeps_the_recipe_that_it_began_with() {
    let fake = Fake::start().await;
    let services = fake.url.clone();
    let world = World::with(fake, &services, &[("POOL_WORK_LEASE_MS", "500")]).await;
    put(&world, "research", RESEARCH).await;
    let id = InstanceId::generate();
    world
        .sql(&format!(
            "INSERT INTO instances (id, name, status, lease_expires_at, pool, recipe)
             VALUES ('{id}', 'convos-agent-{id}', 'starting', now(), 'research', '{{\"image\": \"agent:1\"}}')"
        ))
        .await;
    world.tick().await;
    world.until(&id, Some("idle")).await;
    assert_eq!(world.fake.state().created[&id]["image"], "agent:1");
}

#[tokio::test]
async fn infra_options_reach_each_creation_and_are_shown() {
    let world = World::new(&[]).await;
    let body = r#"{
        "recipe": { "infra": "docker", "infraOptions": { "memoryMib": 1024 } }, "policy": { "minIdle": 1 }
    }"#;
    let pool = put(&world, "large", body).await;
    let options = json!({ "memoryMib": 1024 });
    assert_eq!(pool["recipe"]["infraOptions"], options);
    world.tick().await;
    until_idle(&world, "large", 1).await;
    let id: InstanceId = idle_in(&world, "large").await[0].parse().unwrap();
    assert_eq!(world.fake.state().created[&id]["infraOptions"], options);
    let changed = world
        .send(
            "PATCH",
            "/api/pool/pools/large",
            r#"{"recipe": {"infraOptions": {"memoryMib": null, "cpuMillis": 500}}}"#,
        )
        .await;
    assert_eq!(
        changed.body["recipe"]["infraOptions"],
        json!({ "cpuMillis": 500 })
    );
}

#[tokio::test]
async fn options_that_services_refuses_are_no_part_of_a_pool() {
    let world = World::new(&[]).await;
    let body = r#"{"recipe": {"infraOptions": {"memory": 1024}}}"#;
    let path = "/api/pool/pools/large";
    world
        .fake
        .fail(Op::Recipe, Fault::Refuse(400, "invalid_field"));
    let refused = world.send("PUT", path, body).await;
    assert_eq!((refused.status, refused.code()), (400, "invalid_field"));
    assert!(
        refused.body["field"]
            .as_str()
            .unwrap()
            .starts_with("recipe.")
    );
    assert_eq!(world.send("GET", path, "").await.status, 404);
    // If Services is unavailable now, it refuses the first creation instead.
    world.fake.fail(Op::Recipe, Fault::Before(503));
    put(&world, "large", body).await;
    let asked = world.fake.times(Op::Recipe);
    world
        .send("PATCH", path, r#"{"policy": {"minIdle": 0}}"#)
        .await;
    assert_eq!(
        world.fake.times(Op::Recipe),
        asked,
        "the recipe is the same"
    );
}
