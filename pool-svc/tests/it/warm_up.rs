use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::testing::eventually;
use futures_util::future::join_all;
use serde_json::json;

use crate::fake::{Fault, Op};
use crate::world::{SOON, World, replica, settings};

async fn counted(world: &World, status: &str) -> String {
    let count = format!("SELECT count(*)::text AS it FROM instances WHERE status = '{status}'");
    world.ask(&count).await.unwrap()
}

#[tokio::test]
async fn a_tick_fills_the_pool_and_new_instances_become_idle_without_another() {
    let world = World::new(&[("POOL_MIN_IDLE", "5")]).await;
    assert_eq!(world.tick().await["created"], 5);
    eventually("5 are idle", SOON, async || {
        counted(&world, "idle").await == "5"
    })
    .await;
    assert_eq!(world.tick().await["created"], 0);
    assert_eq!(world.fake.times(Op::Create), 5);
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn a_claim_nudges_the_tick_that_replaces_it() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    let shutdown = Shutdown::new();
    tokio::spawn(world.app.clone().keep_ticking(shutdown.clone()));
    eventually("1 is idle", SOON, async || {
        counted(&world, "idle").await == "1"
    })
    .await;
    assert_eq!(world.claim("{}").await.status, 200);
    eventually("1 is idle again", SOON, async || {
        counted(&world, "idle").await == "1"
    })
    .await;
    assert_eq!(counted(&world, "claimed").await, "1");
    shutdown.trigger();
}

#[tokio::test]
async fn two_replicas_replenishing_at_once_never_exceed_the_bounds() {
    let bounds = [("POOL_MIN_IDLE", "4"), ("POOL_MAX_TOTAL", "6")];
    let world = World::new(&bounds).await;
    let (_, url) = replica(&settings(&world.database, &world.fake.url, &bounds)).await;
    let ask = |base: String| {
        let request = world.http.post(format!("{base}/api/pool/replenish"));
        crate::world::answer(request.bearer_auth(crate::fake::KEY))
    };
    let answers = join_all((0..8).map(|n| {
        ask(if n % 2 == 0 {
            world.url.clone()
        } else {
            url.clone()
        })
    }))
    .await;
    let begun: u64 = answers
        .iter()
        .map(|answer| answer.body["count"].as_u64().unwrap())
        .sum();
    assert_eq!(begun, 4, "the deficit, once");
    let more = world
        .send("POST", "/api/pool/replenish", r#"{"count": 50}"#)
        .await;
    assert_eq!(more.body["count"], 2, "up to POOL_MAX_TOTAL");
}

#[tokio::test]
async fn a_creation_that_fails_is_undone_shown_and_slows_the_next() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    world.fake.fail(Op::Create, Fault::After(500));
    assert_eq!(world.tick().await["created"], 1);
    let nothing_left = "SELECT count(*)::text AS it FROM instances";
    eventually("the row is gone", SOON, async || {
        world.ask(nothing_left).await.as_deref() == Some("0")
    })
    .await;
    assert!(
        world.fake.state().instances.is_empty(),
        "what was made is destroyed"
    );
    let status = world.send("GET", "/api/pool/status", "").await;
    let shown = status.body["lastCreateError"].as_str().unwrap();
    assert!(shown.contains("answered 500 test_fault"), "{shown}");
    let again = world.send("POST", "/api/pool/replenish", "").await;
    assert_eq!(again.body["count"], 1, "an operator need not wait");
    eventually("1 is idle", SOON, async || {
        counted(&world, "idle").await == "1"
    })
    .await;
    let status = world.send("GET", "/api/pool/status", "").await;
    assert_eq!(status.body.get("lastCreateError"), None);
}

#[tokio::test]
async fn an_error_is_no_longer_shown_when_another_replica_has_filled_the_pool() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    world.fake.fail(Op::Create, Fault::Before(500));
    world.tick().await;
    let shown = async || {
        let status = world.send("GET", "/api/pool/status", "").await;
        status.body.get("lastCreateError").is_some()
    };
    eventually("the error is shown", SOON, &shown).await;
    world.idle(1).await;
    eventually("it is shown no more", SOON, async || {
        world.tick().await;
        !shown().await
    })
    .await;
}

#[tokio::test]
async fn an_instance_killed_while_it_is_created_is_destroyed_when_it_is_there() {
    let world = World::new(&[]).await;
    world.fake.fail(Op::Create, Fault::Hang);
    let begun = world
        .send("POST", "/api/pool/replenish", r#"{"count": 1}"#)
        .await;
    let id = begun.body["instanceIds"][0]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    eventually("create is asked", SOON, async || {
        world.fake.times(Op::Create) == 1
    })
    .await;
    assert_eq!(
        world
            .send("DELETE", &format!("/api/pool/instances/{id}"), "")
            .await
            .status,
        200
    );
    assert_eq!(world.status(&id).await.as_deref(), Some("destroying"));
    world.fake.resume();
    world.until(&id, None).await;
    assert!(
        world.fake.state().instances.is_empty(),
        "nothing is left that nobody knows"
    );
}

#[tokio::test]
async fn a_new_instance_that_is_not_healthy_yet_is_watched() {
    let world = World::new(&[]).await;
    world.fake.state().born_healthy = false;
    let begun = world
        .send("POST", "/api/pool/replenish", r#"{"count": 1}"#)
        .await;
    let id = begun.body["instanceIds"][0]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    eventually("it is watched", SOON, async || {
        world.fake.times(Op::Health) >= 2
    })
    .await;
    assert_eq!(world.status(&id).await.as_deref(), Some("starting"));
    world.fake.state().instances.get_mut(&id).unwrap().healthy = true;
    world.until(&id, Some("idle")).await;
}

#[tokio::test]
async fn drain_removes_the_oldest_idle_ones() {
    let world = World::new(&[]).await;
    let ids = world.idle(3).await;
    let drained = world
        .send("POST", "/api/pool/drain", r#"{"count": 2}"#)
        .await;
    assert_eq!(drained.body["count"], json!(2));
    world.until(&ids[0], None).await;
    world.until(&ids[1], None).await;
    assert_eq!(world.status(&ids[2]).await.as_deref(), Some("idle"));
}
