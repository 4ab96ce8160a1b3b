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
    let refused = world.claim("{}").await;
    refused.is_problem(503, "no_idle_instance");
    assert_eq!(
        refused.body["detail"],
        "pool default has no idle instance: try again in a few seconds; its page and \
         /api/pool/explain/pool/default show why"
    );
    let drained = world
        .send("POST", "/api/pool/drain", r#"{"count": 1}"#)
        .await;
    assert_eq!(drained.body["count"], 0);
    let killed = world
        .send("DELETE", &format!("/api/pool/instances/{id}"), "")
        .await;
    killed.is_problem(409, "instance_protected");
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
    refused.is_problem(409, "not_protectable");
    let unknown = world
        .send("PUT", &protection(&InstanceId::generate()), "")
        .await;
    unknown.is_problem(404, "unknown_instance");
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
        "its replacement comes first"
    );
    eventually("the stale one is destroyed", SOON, async || {
        world.tick().await;
        world.status(&old).await.is_none()
    })
    .await;
    assert_eq!(world.count("idle").await, 1);
    let order = format!(
        "SELECT ((SELECT min(id) FROM instance_events WHERE instance_id <> '{old}' AND to_status = 'idle')
               < (SELECT id FROM instance_events WHERE instance_id = '{old}' AND to_status = 'destroying'))::text AS it"
    );
    let order = world.ask(&order).await;
    assert_eq!(
        order.as_deref(),
        Some("true"),
        "its replacement is idle before it is destroyed"
    );
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
        "a warning is not a claim"
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
    // The failure is recorded before the instance is given up.
    world.until_count("starting", 0).await;
    world.until_count("destroying", 0).await;
    assert_eq!(world.tick().await["created"], 0);
    let story = world
        .send("GET", "/api/pool/explain/pool/default", "")
        .await;
    let story = story.body.to_string();
    assert!(story.contains("creates only probes"), "{story}");
    let resumed = policy(&world, json!({ "paused": false })).await;
    assert_eq!(resumed.get("hold"), None);
    assert_eq!(world.tick().await["created"], 1);
}

#[tokio::test]
async fn an_agent_ends_when_its_claim_says_after_a_warning() {
    let world = World::new(&[]).await;
    world
        .sql("INSERT INTO webhook_endpoints (id, url, secret, events) VALUES ('e', 'u', 's', '{instance.ending}')")
        .await;
    world.idle(2).await;
    let short = world.claim(r#"{"ttlSeconds": 60}"#).await;
    assert_eq!(short.status, 200, "{}", short.body);
    let id: InstanceId = short.body["instanceId"].as_str().unwrap().parse().unwrap();
    let forever = world.claim("{}").await.body["instanceId"].clone();
    let shown = world
        .send("GET", &format!("/api/pool/instances/{id}"), "")
        .await
        .body;
    let time = |member: &str| -> chrono::DateTime<chrono::Utc> {
        shown[member].as_str().unwrap().parse().unwrap()
    };
    let life = time("endsAt") - time("claimedAt");
    assert_eq!(life.num_seconds(), 60);
    world.tick().await;
    assert_eq!(world.ask(ENDING).await.as_deref(), Some("0"));
    // The warning is sent when half of its time is over, and the agent is ended only when the rest is over.
    for (age, warned) in [("31 s", "0 s"), ("61 s", "31 s")] {
        assert_eq!(world.status(&id).await.as_deref(), Some("claimed"));
        world
            .sql(&format!(
                "UPDATE instances SET claimed_at = now() - interval '{age}',
                     end_warned_at = end_warned_at - interval '{warned}'"
            ))
            .await;
        world.tick().await;
        assert_eq!(world.ask(ENDING).await.as_deref(), Some("1"), "{age}");
    }
    world.until(&id, None).await;
    let forever: InstanceId = forever.as_str().unwrap().parse().unwrap();
    assert_eq!(world.status(&forever).await.as_deref(), Some("claimed"));
}

#[tokio::test]
async fn the_ttl_of_a_claim_is_bounded_by_the_policy() {
    let world = World::new(&[]).await;
    world.idle(1).await;
    policy(&world, json!({ "ttlSeconds": 3_600 })).await;
    for ttl in ["3601", "0", "31536001", "-1"] {
        let body = format!(r#"{{"ttlSeconds": {ttl}}}"#);
        let refused = world.claim(&body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "invalid_field"),
            "{ttl}"
        );
        assert_eq!(refused.body["field"], "ttlSeconds");
    }
    assert_eq!(world.claim(r#"{"ttlSeconds": 3600}"#).await.status, 200);
}

#[tokio::test]
async fn where_a_policy_ends_agents_soon_they_are_warned_at_half_of_it() {
    let world = World::new(&[]).await;
    let (old, inactive, active) = (
        InstanceId::generate(),
        InstanceId::generate(),
        InstanceId::generate(),
    );
    for (id, pool, quiet) in [
        (&old, "old", "NULL"),
        (&inactive, "inactive", "now()"),
        (&active, "inactive", "now()"),
    ] {
        world.fake.add(id);
        world.insert(id, "claimed", "NULL").await;
        let change =
            format!("UPDATE instances SET pool = '{pool}', active_at = {quiet} WHERE id = '{id}'");
        world.sql(&change).await;
    }
    for (pool, member) in [("old", "ttlSeconds"), ("inactive", "idleTimeoutSeconds")] {
        let body = json!({ "policy": { member: 60 } }).to_string();
        let put = world
            .send("PUT", &format!("/api/pool/pools/{pool}"), &body)
            .await;
        assert_eq!(put.status, 200, "{}", put.body);
    }
    let warned = "SELECT count(end_warned_at)::text AS it FROM instances";
    world.tick().await;
    assert_eq!(
        world.ask(warned).await.as_deref(),
        Some("0"),
        "the usual warning is 10 min"
    );
    assert_eq!(world.status(&inactive).await.as_deref(), Some("claimed"));
    let grow_older = |age: &str, since_warning: &str| {
        format!(
            "UPDATE instances SET end_warned_at = end_warned_at - interval '{since_warning}',
                 claimed_at = now() - interval '{age}',
                 active_at = active_at - interval '{age}' * (id <> '{active}')::int"
        )
    };
    world.sql(&grow_older("31 s", "0 s")).await;
    world.tick().await;
    assert_eq!(world.ask(warned).await.as_deref(), Some("2"));
    assert_eq!(world.status(&inactive).await.as_deref(), Some("claimed"));
    world.sql(&grow_older("61 s", "31 s")).await;
    world.tick().await;
    world.until(&old, None).await;
    world.until(&inactive, None).await;
    assert_eq!(world.status(&active).await.as_deref(), Some("claimed"));
}
