use agent_pool_service_kit::testing::eventually;
use futures_util::future::join_all;
use serde_json::json;

use crate::fake::{Fault, Op};
use crate::world::{SOON, World, replica, settings};

#[tokio::test]
async fn a_tick_fills_the_pool_and_new_instances_become_idle_without_another() {
    let world = World::new(&[("POOL_MIN_IDLE", "5")]).await;
    assert_eq!(world.tick().await["created"], 5);
    world.until_count("idle", 5).await;
    assert_eq!(world.tick().await["created"], 0);
    assert_eq!(world.fake.times(Op::Create), 5);
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn a_claim_is_replaced_at_once_without_a_look_at_the_fleet() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    world.replica.pool.keep_replenishing();
    world.send("POST", "/api/pool/replenish", "").await;
    world.until_count("idle", 1).await;
    assert_eq!(world.claim("{}").await.status, 200);
    world.until_count("idle", 1).await;
    assert_eq!(world.count("claimed").await, 1);
    assert_eq!(world.fake.times(Op::Status), 0);
}

#[tokio::test]
async fn two_replicas_replenishing_at_once_never_exceed_the_bounds() {
    let bounds = [("POOL_MIN_IDLE", "4"), ("POOL_MAX_TOTAL", "6")];
    let world = World::new(&bounds).await;
    let url = replica(&settings(&world.database, &world.fake.url, &bounds)).await;
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
        "the created resources are destroyed"
    );
    let status = world.send("GET", "/api/pool/status", "").await;
    let shown = status.body["lastCreateError"].as_str().unwrap();
    assert!(shown.contains("answered 500 test_fault"), "{shown}");
    let again = world.send("POST", "/api/pool/replenish", "").await;
    assert_eq!(again.body["count"], 1, "an operator need not wait");
    world.until_count("idle", 1).await;
    let status = world.send("GET", "/api/pool/status", "").await;
    assert_eq!(status.body.get("lastCreateError"), None);
}

#[tokio::test]
async fn a_creation_resumes_when_services_is_available() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    for _ in 0..3 {
        let away = Fault::Refuse(503, "without_code");
        world.fake.fail(Op::Create, away);
    }
    assert_eq!(world.tick().await["created"], 1);
    world.until_count("idle", 1).await;
    assert_eq!(world.fake.times(Op::Create), 4);
    let rows = "SELECT count(*)::text AS it FROM instance_events WHERE from_status IS NULL";
    assert_eq!(
        world.ask(rows).await.as_deref(),
        Some("1"),
        "it is the same instance"
    );
}

#[tokio::test]
async fn a_creation_that_is_killed_while_services_is_away_is_not_asked_for() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    for _ in 0..1_000 {
        let away = Fault::Refuse(503, "without_code");
        world.fake.fail(Op::Create, away);
    }
    world.tick().await;
    eventually("it is asked for", SOON, async || {
        world.fake.times(Op::Create) >= 1
    })
    .await;
    let id = world.ask("SELECT id AS it FROM instances").await.unwrap();
    let path = format!("/api/pool/instances/{id}");
    assert_eq!(world.send("DELETE", &path, "").await.status, 200);
    world.until(&id.parse().unwrap(), None).await;
    assert!(world.fake.times(Op::Create) < 1_000);
}

#[tokio::test]
async fn a_creation_whose_failure_cannot_be_recorded_leaves_no_row() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    world
        .sql("ALTER TABLE pool_creation_failures ADD CONSTRAINT never CHECK (false) NOT VALID")
        .await;
    world.fake.fail(Op::Create, Fault::After(500));
    world.tick().await;
    let destroyed = "SELECT count(*)::text AS it FROM instance_events WHERE cause = 'destroyed'";
    eventually("the row is gone", SOON, async || {
        world.ask(destroyed).await.as_deref() == Some("1")
    })
    .await;
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
    eventually("it is no longer shown", SOON, async || {
        world.tick().await;
        !shown().await
    })
    .await;
}

#[tokio::test]
async fn an_instance_killed_while_it_is_created_is_destroyed_when_it_is_there() {
    let world = World::new(&[]).await;
    world.fake.fail(Op::Create, Fault::Hang);
    let id = world.replenish(1).await.remove(0);
    world.asked(Op::Create, 1).await;
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
        "every instance has a row"
    );
}

#[tokio::test]
async fn a_new_instance_that_is_not_healthy_yet_is_watched() {
    let world = World::new(&[]).await;
    world.fake.state().born_healthy = false;
    let id = world.replenish(1).await.remove(0);
    eventually("it is watched", SOON, async || {
        world.fake.times(Op::Health) >= 2
    })
    .await;
    assert_eq!(world.status(&id).await.as_deref(), Some("starting"));
    world.fake.state().instances.get_mut(&id).unwrap().healthy = true;
    world.until(&id, Some("idle")).await;
}

#[tokio::test]
async fn failures_are_shown_by_every_replica_and_outlive_a_restart() {
    let world = World::new(&[("POOL_MIN_IDLE", "2"), ("POOL_TOOLS", "openrouter")]).await;
    for _ in 0..2 {
        world.fake.fail(Op::Create, Fault::After(429));
    }
    world.tick().await;
    let other = replica(&settings(
        &world.database,
        &world.fake.url,
        &[("POOL_MIN_IDLE", "2")],
    ))
    .await;
    let shown = async || {
        let status = world.http.get(format!("{other}/api/pool/status"));
        let status = crate::world::answer(status.bearer_auth(crate::fake::KEY)).await;
        status.body["creationFailures"].clone()
    };
    eventually("both have failed", SOON, async || {
        world.count("starting").await == 0 && shown().await[0].is_object()
    })
    .await;
    let failure = &shown().await[0];
    assert_eq!(failure["cause"], "test_fault");
    assert_eq!(failure["failuresInARow"], 1, "side by side");
    assert!(failure["error"].as_str().unwrap().contains("429"));
    assert!(failure["retryAt"].as_str() > failure["failedAt"].as_str());
    world
        .sql("UPDATE pool_creation_failures SET retry_at = now() + interval '1 h'")
        .await;
    let tick = async || {
        let tick = world.http.post(format!("{other}/api/pool/reconcile"));
        crate::world::answer(tick.bearer_auth(crate::fake::KEY))
            .await
            .body["created"]
            .clone()
    };
    assert_eq!(tick().await, 0, "the other replica waits as well");
    world
        .sql("UPDATE pool_creation_failures SET retry_at = now()")
        .await;
    world.fake.fail(Op::Create, Fault::Hang);
    assert_eq!(
        (tick().await, tick().await),
        (json!(1), json!(0)),
        "one tries"
    );
    world.asked(Op::Create, 3).await;
    world.fake.resume();
    eventually("it succeeds", SOON, async || shown().await == json!([])).await;
    assert_eq!(tick().await, 1, "then the rest");
}

#[tokio::test]
async fn a_burst_on_two_replicas_never_exceeds_the_total() {
    let bounds = [("POOL_MIN_IDLE", "4"), ("POOL_MAX_TOTAL", "6")];
    let world = World::new(&bounds).await;
    let other = replica(&settings(&world.database, &world.fake.url, &bounds)).await;
    let burst = (0..40).map(|n| {
        let base = [&world.url, &other][n % 2];
        let (path, body) = [
            ("claim", "{}"),
            ("replenish", r#"{"count": 3}"#),
            ("reconcile", ""),
            ("replenish", ""),
        ][n / 2 % 4];
        let request = world.http.post(format!("{base}/api/pool/{path}"));
        crate::world::answer(request.bearer_auth(crate::fake::KEY).body(body))
    });
    join_all(burst).await;
    let all = world
        .send("POST", "/api/pool/replenish", r#"{"count": 50}"#)
        .await;
    assert_eq!(all.status, 200);
    let most = "SELECT max(rows)::text AS it FROM (
                    SELECT sum(CASE WHEN from_status IS NULL THEN 1 WHEN to_status IS NULL THEN -1 ELSE 0 END)
                           OVER (ORDER BY id) AS rows
                    FROM instance_events) AS log";
    assert_eq!(world.ask(most).await.as_deref(), Some("6"));
}

#[tokio::test]
async fn a_shutdown_gives_up_what_has_not_begun_and_waits_for_what_has() {
    let world = World::new(&[("POOL_CREATE_CONCURRENCY", "1")]).await;
    world.fake.fail(Op::Create, Fault::Hang);
    world.replenish(2).await;
    world.asked(Op::Create, 1).await;
    let tasks = world.replica.tasks.clone();
    tasks.shutdown().trigger();
    let finished = tokio::spawn(async move { tasks.finish(SOON).await });
    world.until_count("destroying", 1).await;
    assert!(!finished.is_finished());
    world.fake.resume();
    assert!(finished.await.unwrap().is_empty());
    assert_eq!(world.fake.times(Op::Create), 1);
    let made = "SELECT count(*)::text AS it FROM instances WHERE url IS NOT NULL";
    assert_eq!(world.ask(made).await.as_deref(), Some("1"));
    let why = "SELECT cause AS it FROM instance_events WHERE to_status = 'destroying'";
    assert_eq!(world.ask(why).await.as_deref(), Some("shut_down"));
}

#[tokio::test]
async fn a_creation_that_a_dead_replica_left_under_way_is_not_done_twice() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    let id = agent_pool_core::InstanceId::generate();
    world
        .insert(&id, "starting", "now() + interval '1 min'")
        .await;
    assert_eq!(world.tick().await["created"], 0, "its lease runs");
    // Services has finished it, but its replica did not get the answer.
    world.fake.add(&id);
    let report = world.tick().await;
    assert_eq!(
        report["becameIdle"], 0,
        "the key of its runtime is not known"
    );
    world
        .sql("UPDATE instances SET lease_expires_at = now()")
        .await;
    assert_eq!(world.tick().await["created"], 0);
    world.until(&id, Some("idle")).await;
    assert_eq!(world.fake.state().instances.len(), 1);
    assert_eq!(world.claim("{}").await.status, 200);
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

fn crash_all(world: &World) {
    for instance in world.fake.state().instances.values_mut() {
        "CRASHED".clone_into(&mut instance.deploy);
    }
}

#[tokio::test]
async fn an_image_that_never_becomes_ready_costs_one_instance_at_a_time_and_shows() {
    let world = World::new(&[("POOL_MIN_IDLE", "3")]).await;
    world.fake.state().born_healthy = false;
    assert_eq!(world.tick().await["created"], 3);
    let made = "SELECT count(*)::text AS it FROM instances WHERE url IS NOT NULL";
    eventually("they are made", SOON, async || {
        world.ask(made).await.as_deref() == Some("3")
    })
    .await;
    crash_all(&world);
    assert_eq!(world.tick().await["condemned"], 3);
    let failures = async || {
        let status = world.send("GET", "/api/pool/status", "").await;
        status.body["creationFailures"].clone()
    };
    let failure = &failures().await[0];
    assert_eq!(failure["cause"], "instance_never_ready");
    assert_eq!(failure["failuresInARow"], 1, "side by side");
    let pause_is_over = "UPDATE pool_creation_failures SET retry_at = now()";
    world.sql(pause_is_over).await;
    eventually("one is tried", SOON, async || {
        world.tick().await["created"] == 1
    })
    .await;
    assert_eq!(world.tick().await["created"], 0, "it is not proven yet");
    // Only an instance that Services has made can become healthy below.
    world.asked(Op::Create, 4).await;
    for instance in world.fake.state().instances.values_mut() {
        instance.healthy = true;
    }
    world.until_count("idle", 1).await;
    eventually("the failure is forgotten", SOON, async || {
        failures().await.get(0).is_none()
    })
    .await;
    assert_eq!(world.tick().await["created"], 2);
}

#[tokio::test]
async fn a_creation_whose_replica_died_is_taken_over_and_not_begun_anew() {
    let world = World::new(&[("POOL_WORK_LEASE_MS", "300")]).await;
    let id = agent_pool_core::InstanceId::generate();
    let (lease, left) = (
        "now() + interval '300 ms'",
        "SELECT max(id) AS it FROM instances",
    );
    world.insert(&id, "starting", lease).await;
    world.replica.pool.keep_recovering();
    world.until(&id, Some("idle")).await;
    assert_eq!(world.fake.times(Op::Create), 1);
    assert_eq!(world.ask(left).await, Some(id.to_string()));
}

#[tokio::test]
async fn a_new_instance_whose_watcher_died_becomes_idle_without_a_tick() {
    let world = World::new(&[("POOL_WORK_LEASE_MS", "300")]).await;
    let id = agent_pool_core::InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "starting", "NULL").await;
    world.sql("UPDATE instances SET made_at = now()").await;
    world.replica.pool.keep_recovering();
    world.until(&id, Some("idle")).await;
    assert_eq!(world.fake.times(Op::Status), 0);
}
