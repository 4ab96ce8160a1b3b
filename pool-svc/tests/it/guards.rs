//! Guards: protection, replacement of stale instances, the end of agents, and creations that stop.

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::fake::{Fault, Op};
use crate::world::{SOON, World};

async fn policy(world: &World, policy: Value) -> Value {
    let body = json!({ "policy": policy }).to_string();
    let answer = world.send("PATCH", "/api/pool/pools/default", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

async fn count(world: &World, status: &str) -> String {
    let query = format!("SELECT count(*)::text AS it FROM instances WHERE status = '{status}'");
    world.ask(&query).await.unwrap()
}

async fn until_count(world: &World, status: &str, expected: &str) {
    eventually(&format!("{expected} are {status}"), SOON, async || {
        count(world, status).await == expected
    })
    .await;
}

fn protection(id: &InstanceId) -> String {
    format!("/api/pool/instances/{id}/protection")
}

#[tokio::test]
async fn a_protected_instance_is_neither_claimed_nor_drained_nor_killed() {
    let world = World::new(&[]).await;
    let id = &world.idle(1).await[0];
    for _ in 0..2 {
        let answer = world.send("PUT", &protection(id), "").await;
        assert_eq!(
            (answer.status, &answer.body["protected"]),
            (200, &json!(true))
        );
    }
    assert_eq!(world.claim("{}").await.code(), "no_idle_instance");
    let drained = world
        .send("POST", "/api/pool/drain", r#"{"count": 1}"#)
        .await;
    assert_eq!(drained.body["count"], 0);
    let killed = world
        .send("DELETE", &format!("/api/pool/instances/{id}"), "")
        .await;
    assert_eq!((killed.status, killed.code()), (409, "instance_protected"));
    assert!(
        killed.body["detail"]
            .as_str()
            .unwrap()
            .contains("unprotect")
    );
    let answer = world.send("DELETE", &protection(id), "").await;
    assert_eq!(answer.body.get("protected"), None);
    assert_eq!(world.claim("{}").await.body["instanceId"], id.as_str());
    let causes = format!(
        "SELECT string_agg(cause, ' ' ORDER BY id) AS it FROM instance_events WHERE instance_id = '{id}'"
    );
    let causes = world.ask(&causes).await.unwrap();
    assert!(
        causes.starts_with("protected unprotected claim"),
        "{causes}"
    );
}

#[tokio::test]
async fn a_dead_instance_that_is_protected_stays_and_one_that_starts_cannot_be_protected() {
    let world = World::new(&[]).await;
    let (kept, other) = (InstanceId::generate(), InstanceId::generate());
    for id in [&kept, &other] {
        world.fake.add(id);
        world.insert(id, "idle", "NULL").await;
    }
    world.send("PUT", &protection(&kept), "").await;
    {
        let mut state = world.fake.state();
        let instance = state.instances.get_mut(&kept).unwrap();
        instance.healthy = false;
        "CRASHED".clone_into(&mut instance.deploy);
    }
    world.tick().await;
    assert_eq!(world.status(&kept).await.as_deref(), Some("idle"));
    let starting = InstanceId::generate();
    world.insert(&starting, "starting", "now()").await;
    let refused = world.send("PUT", &protection(&starting), "").await;
    assert_eq!((refused.status, refused.code()), (409, "not_protectable"));
    let unknown = world
        .send("PUT", &protection(&InstanceId::generate()), "")
        .await;
    assert_eq!((unknown.status, unknown.code()), (404, "unknown_instance"));
}

#[tokio::test]
async fn a_stale_instance_goes_once_a_new_one_is_idle() {
    let world = World::new(&[]).await;
    let old = world.idle(1).await.remove(0);
    policy(&world, json!({ "minIdle": 1, "maxIdleSeconds": 3_600 })).await;
    assert_eq!(world.tick().await["created"], 0);
    world
        .sql("UPDATE instances SET created_at = now() - interval '2 h'")
        .await;
    assert_eq!(
        world.tick().await["created"],
        1,
        "its successor comes first"
    );
    assert_eq!(world.status(&old).await.as_deref(), Some("idle"));
    until_count(&world, "idle", "2").await;
    world.tick().await;
    world.until(&old, None).await;
    assert_eq!(count(&world, "idle").await, "1");
    let why = format!(
        "SELECT cause || ': ' || reason AS it FROM instance_events
         WHERE instance_id = '{old}' AND to_status = 'destroying'"
    );
    let why = world.ask(&why).await;
    assert_eq!(why.as_deref(), Some("stale: idle for more than 3600 s"));
}

#[tokio::test]
async fn no_more_instances_start_at_once_than_the_policy_allows() {
    let world = World::new(&[]).await;
    policy(&world, json!({ "minIdle": 3, "maxStarting": 2 })).await;
    world.fake.state().born_healthy = false;
    assert_eq!(world.tick().await["created"], 2);
    assert_eq!(world.tick().await["created"], 0);
    let asked = world
        .send("POST", "/api/pool/replenish", r#"{"count": 2}"#)
        .await;
    assert_eq!(asked.body["count"], 2, "an operator may ask for more");
}

const ENDING: &str =
    "SELECT count(*)::text AS it FROM webhook_messages WHERE event = 'instance.ending'";

#[tokio::test]
async fn an_agent_is_ended_by_its_age_after_a_warning() {
    let world = World::new(&[]).await;
    world
        .sql("INSERT INTO webhook_endpoints (id, url, secret, events) VALUES ('e', 'u', 's', '{}')")
        .await;
    let (id, kept) = (InstanceId::generate(), InstanceId::generate());
    for id in [&id, &kept] {
        world.fake.add(id);
        world.insert(id, "claimed", "NULL").await;
    }
    world.send("PUT", &protection(&kept), "").await;
    policy(&world, json!({ "ttlSeconds": 3_600, "warningSeconds": 60 })).await;
    world.tick().await;
    assert_eq!(world.ask(ENDING).await.as_deref(), Some("0"));
    world
        .sql("UPDATE instances SET claimed_at = now() - interval '2 h'")
        .await;
    for _ in 0..2 {
        world.tick().await;
        assert_eq!(world.status(&id).await.as_deref(), Some("claimed"));
        assert_eq!(world.ask(ENDING).await.as_deref(), Some("1"), "once");
    }
    world
        .sql("UPDATE instances SET end_warned_at = now() - interval '61 s'")
        .await;
    world.tick().await;
    world.until(&id, None).await;
    assert_eq!(world.status(&kept).await.as_deref(), Some("claimed"));
    let story = world
        .send("GET", &format!("/api/pool/explain/instance/{id}"), "")
        .await;
    let story = story.body.to_string();
    assert!(
        story.contains("it had been an agent for too long"),
        "{story}"
    );
    let claims =
        "SELECT count(*)::text AS it FROM webhook_messages WHERE event = 'instance.claimed'";
    assert_eq!(
        world.ask(claims).await.as_deref(),
        Some("0"),
        "a warning is no claim"
    );
}

#[tokio::test]
async fn an_agent_that_does_something_again_is_not_ended() {
    let world = World::new(&[]).await;
    let id = InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "claimed", "NULL").await;
    world
        .sql("UPDATE instances SET claimed_at = now() - interval '9 h'")
        .await;
    policy(
        &world,
        json!({ "idleTimeoutSeconds": 3_600, "warningSeconds": 60 }),
    )
    .await;
    let url = world.fake.runtime_url(&id);
    let report = |at: Option<String>| {
        let report =
            json!({ "status": "SUCCESS", "healthy": true, "url": url, "lastActivity": at });
        Some(json!({ (id.to_string()): report }))
    };
    let warned = "SELECT (end_warned_at IS NOT NULL)::text AS it FROM instances";
    let hours_ago =
        |hours: i64| (chrono::Utc::now() - chrono::TimeDelta::hours(hours)).to_rfc3339();
    for (activity, expected) in [
        (None, "false"),
        (Some(hours_ago(2)), "true"),
        (Some(hours_ago(0)), "false"),
    ] {
        world.fake.state().batch = report(activity.clone());
        world.tick().await;
        assert_eq!(
            world.ask(warned).await.as_deref(),
            Some(expected),
            "{activity:?}"
        );
    }
    assert_eq!(world.status(&id).await.as_deref(), Some("claimed"));
}

#[tokio::test]
async fn a_pool_whose_creations_fail_too_often_is_held_until_it_is_resumed() {
    let world = World::new(&[]).await;
    let held = policy(&world, json!({ "minIdle": 1, "maxFailures": 1 })).await;
    assert_eq!(held.get("hold"), None);
    world
        .fake
        .fail(Op::Create, Fault::Refuse(502, "vendor_refused"));
    world.tick().await;
    let shown = async || world.send("GET", "/api/pool/pools/default", "").await.body;
    eventually("creations have stopped", SOON, async || {
        shown().await["hold"]["cause"] == "failing"
    })
    .await;
    let hold = &shown().await["hold"];
    assert!(
        hold["reason"].as_str().unwrap().contains("vendor_refused"),
        "{hold}"
    );
    until_count(&world, "destroying", "0").await;
    assert_eq!(world.tick().await["created"], 0);
    let story = world
        .send("GET", "/api/pool/explain/pool/default", "")
        .await;
    let story = story.body.to_string();
    assert!(story.contains("creates nothing but probes"), "{story}");
    let resumed = policy(&world, json!({ "paused": false })).await;
    assert_eq!(resumed.get("hold"), None);
    assert_eq!(world.tick().await["created"], 1);
}
