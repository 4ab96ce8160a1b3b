//! Claims with an `Idempotency-Key`. If the lease of a test is an hour, no replica polls without a
//! notification, and no lease is renewed.

use agent_pool_service_kit::testing::eventually;
use futures_util::future::join_all;
use serde_json::json;

use crate::fake::{Fault, Op};
use crate::world::{SOON, World, answer, replica, settings};

const QUIET: [(&str, &str); 2] = [("POOL_MAX_TOTAL", "9"), ("CLAIM_LEASE_MS", "3600000")];

async fn world_of_two() -> (World, String) {
    let world = World::new(&QUIET).await;
    let other = replica(&settings(&world.database, &world.fake.url, &QUIET)).await;
    (world, other)
}

impl World {
    /// Waits until a replica has found the key in flight, and follows it.
    async fn until_somebody_follows(&self) {
        let found = "SELECT query AS it FROM pg_stat_activity
                     WHERE datname = current_database() AND state = 'idle'
                       AND query LIKE '%AS same_request%' AND pid <> pg_backend_pid()";
        eventually("a request follows", SOON, async || {
            self.ask(found).await.is_some()
        })
        .await;
    }
}

#[tokio::test]
async fn a_claim_repeated_is_answered_the_same_even_by_a_replica_that_was_not_there() {
    let world = World::new(&QUIET).await;
    world.idle(2).await;
    let claim =
        |base: &str, path: &str, body: &str| answer(world.claim_at(base, path, Some("one"), body));
    let first = claim(&world.url, "", r#"{"agentName":"Tulip"}"#).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let later = replica(&settings(&world.database, &world.fake.url, &QUIET)).await;
    for base in [&world.url, &later] {
        let body = r#" {"joinUrl": null, "agentName": " Tulip "}"#;
        let again = claim(base, "?wait=1", body).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        let stream = claim(base, "/stream", body).await;
        let text = stream.body.as_str().unwrap();
        assert!(
            text.contains("event:result") && text.contains(&first.body.to_string()),
            "{text}"
        );
        let other = claim(base, "", r#"{"agentName":"Rose"}"#).await;
        other.is_problem(422, "idempotency_key_reused");
    }
    assert_eq!(world.fake.times(Op::Provision), 1);
}

#[tokio::test]
async fn the_same_key_on_two_replicas_at_once_is_one_claim() {
    let (world, other) = world_of_two().await;
    world.idle(5).await;
    let claims = (0..20).map(|n| {
        let base = if n % 2 == 0 { &world.url } else { &other };
        answer(world.claim_at(base, "", Some("one"), "{}"))
    });
    let answers = join_all(claims).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body));
    }
    assert_eq!(world.fake.times(Op::Provision), 1);
}

#[tokio::test]
async fn followers_get_the_failure_and_later_requests_retry() {
    let (world, other) = world_of_two().await;
    world.idle(2).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    world.fake.state().provision_answer = Some(json!({"joined": true}));
    world
        .sql("UPDATE instances SET status = 'idle' WHERE false")
        .await;
    let leader = tokio::spawn(answer(world.claim_at(&world.url, "", Some("one"), "{}")));
    world.asked(Op::Provision, 1).await;
    let follower = tokio::spawn(answer(world.claim_at(&other, "", Some("one"), "{}")));
    world.until_somebody_follows().await;
    world.fake.resume();
    let (leader, follower) = (leader.await.unwrap(), follower.await.unwrap());
    leader.is_problem(502, "claim_failed");
    assert_eq!((follower.status, &follower.body), (502, &leader.body));
    assert_eq!(
        world.fake.times(Op::Provision),
        2,
        "both instances, once each"
    );
    world.fake.state().provision_answer = None;
    world.idle(1).await;
    let later = answer(world.claim_at(&other, "", Some("one"), "{}")).await;
    assert_eq!(later.status, 200, "{}", later.body);
}

#[tokio::test]
async fn the_key_of_a_dead_replica_is_taken_over() {
    let (world, other) = world_of_two().await;
    let ids = world.idle(2).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    let silent = tokio::spawn(answer(world.claim_at(&world.url, "", Some("one"), "{}")));
    world.asked(Op::Provision, 1).await;
    world
        .sql("UPDATE claim_keys SET lease_expires_at = now()")
        .await;
    let retry = answer(world.claim_at(&other, "", Some("one"), "{}")).await;
    assert_eq!(
        retry.body["instanceId"],
        ids[1].to_string(),
        "{}",
        retry.body
    );
    world.fake.resume();
    let silent = silent.await.unwrap();
    assert_eq!((silent.status, &silent.body), (200, &retry.body));
    world.until(&ids[0], None).await;
    assert_eq!(world.status(&ids[1]).await.as_deref(), Some("claimed"));
}

#[tokio::test]
async fn a_key_is_kept_alive_as_long_as_its_claim_goes_on() {
    let world = World::new(&[("CLAIM_LEASE_MS", "3000")]).await;
    world.idle(2).await;
    world.fake.fail(Op::Provision, Fault::Hang);
    let claim = tokio::spawn(answer(world.claim_at(&world.url, "", Some("one"), "{}")));
    world.asked(Op::Provision, 1).await;
    let renewed = "SELECT 'yes' AS it FROM claim_keys
                   WHERE lease_expires_at > begun_at + interval '3500 ms'";
    eventually("its lease is renewed", SOON, async || {
        world.ask(renewed).await.is_some()
    })
    .await;
    let again = tokio::spawn(answer(world.claim_at(&world.url, "", Some("one"), "{}")));
    world.until_somebody_follows().await;
    world.fake.resume();
    let (claim, again) = (claim.await.unwrap(), again.await.unwrap());
    assert_eq!((claim.status, &claim.body), (200, &again.body));
    assert_eq!(world.fake.times(Op::Provision), 1);
}

#[tokio::test]
async fn a_key_is_free_again_when_who_waited_with_it_hung_up() {
    let world = World::new(&[("POOL_MAX_TOTAL", "0"), QUIET[1]]).await;
    let waiting = "SELECT count(*)::text AS it FROM claim_waiters";
    let gone = tokio::spawn(answer(world.claim_at(
        &world.url,
        "?wait=300",
        Some("one"),
        "{}",
    )));
    eventually("it waits", SOON, async || {
        world.ask(waiting).await.as_deref() == Some("1")
    })
    .await;
    gone.abort();
    eventually("it left", SOON, async || {
        world.ask(waiting).await.as_deref() == Some("0")
    })
    .await;
    world.idle(1).await;
    let retry = answer(world.claim_at(&world.url, "", Some("one"), "{}")).await;
    assert_eq!(retry.status, 200, "{}", retry.body);
}

#[tokio::test]
async fn an_invalid_idempotency_key_is_refused() {
    let world = World::new(&QUIET).await;
    let id = world.idle(1).await.remove(0);
    for path in ["", "/stream"] {
        for bad in ["", "a b", &"x".repeat(256)] {
            let claim = answer(world.claim_at(&world.url, path, Some(bad), "{}")).await;
            assert_eq!(
                (claim.status, claim.code()),
                (400, "invalid_idempotency_key"),
                "{bad:?}"
            );
            assert_eq!(claim.body["field"], "Idempotency-Key");
        }
    }
    assert_eq!(world.status(&id).await.as_deref(), Some("idle"));
}
