//! Claims that wait. If the lease of a test is an hour, no replica polls without a notification.

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::fake::{Fault, Op};
use crate::world::{Answer, SOON, World, answer, replica, settings};

/// No instance is created, and no replica polls without a notification.
const QUIET: [(&str, &str); 2] = [("POOL_MAX_TOTAL", "0"), ("CLAIM_LEASE_MS", "3600000")];

impl World {
    async fn waiting(&self) -> usize {
        let count = "SELECT count(*)::text AS it FROM claim_waiters";
        self.ask(count).await.unwrap().parse().unwrap()
    }

    async fn until_waiting(&self, count: usize) {
        let what = format!("{count} wait");
        eventually(&what, SOON, async || self.waiting().await == count).await;
    }

    /// Adds a waiting claim, which is in the queue when this returns.
    async fn waiter(&self, base: &str, name: &str) -> JoinHandle<Answer> {
        let before = self.waiting().await;
        let body = json!({ "agentName": name }).to_string();
        let claim = tokio::spawn(answer(self.claim_at(base, "?wait=300", None, &body)));
        self.until_waiting(before + 1).await;
        claim
    }

    /// Adds instances that a tick finds healthy and makes idle.
    async fn become_idle(&self, count: usize) -> Vec<InstanceId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let id = InstanceId::generate();
            self.fake.add(&id);
            self.insert(&id, "starting", "NULL").await;
            ids.push(id);
        }
        assert_eq!(self.tick().await["becameIdle"], count);
        ids
    }

    async fn names_in_order_of_claims(&self) -> Vec<String> {
        let names = "SELECT string_agg(agent_name, ',' ORDER BY e.id) AS it
                     FROM instance_events AS e JOIN instances AS i ON i.id = e.instance_id
                     WHERE e.cause = 'claim'";
        let names = self.ask(names).await.unwrap_or_default();
        names.split(',').map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn twenty_waiters_on_two_replicas_are_served_in_order_by_notifications_alone() {
    let world = World::new(&QUIET).await;
    let other = replica(&settings(&world.database, &world.fake.url, &QUIET)).await;
    let names: Vec<String> = (1..=20).map(|n| format!("w{n}")).collect();
    let mut claims = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let base = if n % 2 == 0 { &world.url } else { &other };
        claims.push(world.waiter(base, name).await);
    }
    world.become_idle(8).await;
    world.until_waiting(12).await;
    world.become_idle(12).await;
    for claim in join_all(claims).await {
        let answer = claim.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(world.names_in_order_of_claims().await, names);
    assert_eq!(world.waiting().await, 0);
}

#[tokio::test]
async fn one_instance_is_created_per_waiting_claim() {
    let world = World::new(&[("CLAIM_LEASE_MS", "3600000")]).await;
    let claims = (0..3).map(|_| answer(world.claim_at(&world.url, "?wait=300", None, "")));
    for answer in join_all(claims).await {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(world.fake.times(Op::Create), 3);
}

#[tokio::test]
async fn a_disconnected_waiter_leaves_the_queue() {
    let world = World::new(&QUIET).await;
    let gone = world.waiter(&world.url, "gone").await;
    let stream = world
        .claim_at(&world.url, "/stream?wait=300", None, "")
        .send()
        .await
        .unwrap();
    world.until_waiting(2).await;
    let stays = world.waiter(&world.url, "stays").await;
    gone.abort();
    drop(stream);
    world.until_waiting(1).await;
    world.become_idle(2).await;
    assert_eq!(stays.await.unwrap().status, 200);
    assert_eq!(world.names_in_order_of_claims().await, ["stays"]);
    assert_eq!(world.claim("").await.status, 200, "the other one is idle");
}

#[tokio::test]
async fn a_new_claim_does_not_overtake_a_waiter() {
    let world = World::new(&QUIET).await;
    world.idle(1).await;
    world
        .sql("INSERT INTO claim_waiters (lease_expires_at) VALUES (now() + interval '1 hour')")
        .await;
    let newcomer = world.claim("").await;
    assert_eq!(newcomer.code(), "no_idle_instance");
    let behind = world.waiter(&world.url, "behind").await;
    let first = "DELETE FROM claim_waiters WHERE id = (SELECT min(id) FROM claim_waiters)";
    world.sql(first).await;
    world.sql("NOTIFY agent_pool_claims").await;
    let behind = behind.await.unwrap();
    assert_eq!(behind.status, 200, "{}", behind.body);
}

#[tokio::test]
async fn the_place_of_a_replica_that_died_ends_with_its_lease() {
    let world = World::new(&[("POOL_MAX_TOTAL", "0"), ("CLAIM_LEASE_MS", "300")]).await;
    world.idle(1).await;
    world
        .sql("INSERT INTO claim_waiters (lease_expires_at) VALUES (now() + interval '400 ms')")
        .await;
    let claim = answer(world.claim_at(&world.url, "?wait=300", None, "")).await;
    assert_eq!(claim.status, 200, "{}", claim.body);
}

#[tokio::test]
async fn a_failed_wait_sends_retry_after_and_leaves_the_queue() {
    let world = World::new(&QUIET).await;
    let claim = answer(world.claim_at(&world.url, "?wait=1", None, "")).await;
    claim.is_problem(503, "no_idle_instance");
    assert_eq!(claim.headers["retry-after"], "5");
    assert_eq!(world.waiting().await, 0);
    let claim = answer(world.claim_at(&world.url, "?wait=0", None, "")).await;
    assert_eq!(claim.code(), "no_idle_instance");
}

#[tokio::test]
async fn a_claim_behind_another_one_gives_up_when_its_time_is_over() {
    let world = World::new(&QUIET).await;
    world.idle(1).await;
    world
        .sql("INSERT INTO claim_waiters (lease_expires_at) VALUES (now() + interval '1 hour')")
        .await;
    let claim = answer(world.claim_at(&world.url, "?wait=1", None, "")).await;
    claim.is_problem(503, "no_idle_instance");
    assert_eq!(world.waiting().await, 1, "only the other one is left");
}

#[tokio::test]
async fn a_wait_out_of_range_is_refused_by_name() {
    let world = World::new(&QUIET).await;
    for path in ["", "/stream"] {
        for wait in ["301", "-1", "1.5", "soon", ""] {
            let query = format!("{path}?wait={wait}");
            let claim = answer(world.claim_at(&world.url, &query, None, "")).await;
            assert_eq!(
                (claim.status, claim.code()),
                (400, "invalid_field"),
                "{wait}"
            );
            assert_eq!(claim.body["field"], "wait");
        }
    }
}

#[tokio::test]
async fn a_stream_tells_its_place_when_that_changes() {
    let world = World::new(&QUIET).await;
    let first = world.waiter(&world.url, "first").await;
    let request = world.claim_at(&world.url, "/stream?wait=300", None, "");
    let mut stream = request.send().await.unwrap();
    // It is told its first place before that changes.
    let mut text = String::new();
    while !text.contains("position") {
        let chunk = tokio::time::timeout(SOON, stream.chunk()).await.unwrap();
        text += std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap();
    }
    // Reads of the queue that find no change for it.
    world.sql("NOTIFY agent_pool_claims").await;
    let third = world.waiter(&world.url, "third").await;
    world.become_idle(1).await;
    assert_eq!(first.await.unwrap().status, 200);
    world.become_idle(1).await;
    let rest = tokio::time::timeout(SOON, stream.text()).await.unwrap();
    text += &rest.unwrap();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok())
        .collect();
    let positions: Vec<&Value> = events.iter().filter_map(|it| it.get("position")).collect();
    assert_eq!(positions, [2, 1]);
    assert_eq!(events[2]["step"], "taken");
    assert!(
        text.contains("event:waiting") && text.contains("event:result"),
        "{text}"
    );
    third.abort();
}

#[tokio::test]
async fn waiting_is_not_part_of_the_time_that_a_claim_may_take() {
    let world = World::new(&[QUIET[0], QUIET[1], ("CLAIM_TIMEOUT_MS", "3000")]).await;
    let claim = world.waiter(&world.url, "patient").await;
    let waits = tokio::time::Instant::now();
    eventually("longer than a claim may take", SOON, async || {
        waits.elapsed().as_millis() > 3_500
    })
    .await;
    world.become_idle(1).await;
    let claim = claim.await.unwrap();
    assert_eq!(claim.status, 200, "{}", claim.body);
}

#[tokio::test]
async fn a_waiting_claim_keeps_its_place_after_a_failed_instance() {
    let world = World::new(&[]).await;
    world.fake.fail(Op::Provision, Fault::After(500));
    let claim = answer(world.claim_at(&world.url, "?wait=300", None, "")).await;
    assert_eq!(claim.status, 200, "{}", claim.body);
    assert_eq!(world.fake.times(Op::Create), 2);
}

#[tokio::test]
async fn an_instance_that_services_is_busy_with_is_passed_over_and_kept() {
    let world = World::new(&[("POOL_MAX_TOTAL", "0"), ("CLAIM_LEASE_MS", "300")]).await;
    let ids = world.idle(2).await;
    let busy = || {
        world
            .fake
            .fail(Op::Configure, Fault::Refuse(409, "instance_busy"));
    };
    busy();
    let claim = world.claim("").await;
    assert_eq!(
        claim.body["instanceId"],
        ids[1].to_string(),
        "{}",
        claim.body
    );
    assert_eq!(world.status(&ids[0]).await.as_deref(), Some("idle"));
    busy();
    let claim = world.claim("").await;
    claim.is_problem(503, "no_idle_instance");
    assert_eq!(world.status(&ids[0]).await.as_deref(), Some("idle"));
    busy();
    let claim = answer(world.claim_at(&world.url, "?wait=300", None, "")).await;
    assert_eq!(
        claim.body["instanceId"],
        ids[0].to_string(),
        "{}",
        claim.body
    );
    assert_eq!(world.fake.times(Op::Destroy), 0);
}

#[tokio::test]
async fn a_claim_stops_waiting_once_its_pool_is_deleted() {
    let world = World::new(&QUIET).await;
    let path = "/api/pool/pools/research";
    assert_eq!(world.send("PUT", path, "{}").await.status, 200);
    let body = r#"{"pool": "research"}"#;
    let claim = tokio::spawn(answer(world.claim_at(&world.url, "?wait=300", None, body)));
    world.until_waiting(1).await;
    let other = world.waiter(&world.url, "Rose").await;
    assert_eq!(world.send("DELETE", path, "").await.status, 200);
    claim.await.unwrap().is_problem(404, "unknown_pool");
    world.until_waiting(1).await;
    other.abort();
}
