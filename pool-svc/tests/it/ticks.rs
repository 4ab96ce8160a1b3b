use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use serde_json::json;

use crate::fake::{Fault, KEY, Op};
use crate::process::binary;
use crate::world::{SOON, World, answer, replica, settings};

async fn age(world: &World, id: &InstanceId) {
    let past = "now() - interval '1 hour'";
    world
        .sql(&format!(
            "UPDATE instances SET created_at = {past}, last_healthy_at = {past}, silent_since = {past}
             WHERE id = '{id}'"
        ))
        .await;
    watched_for(world, "1 hour", "1 s").await;
}

/// Makes it look as if the fleet has been watched for `time`, and was last observed `last` ago.
async fn watched_for(world: &World, time: &str, last: &str) {
    world
        .sql(&format!(
            "UPDATE tick_state SET watched_since = now() - interval '{time}',
                                   observed_at = now() - interval '{last}'"
        ))
        .await;
}

fn set(world: &World, id: &InstanceId, healthy: bool, deploy: &str) {
    let mut state = world.fake.state();
    let instance = state.instances.get_mut(id).unwrap();
    instance.healthy = healthy;
    deploy.clone_into(&mut instance.deploy);
}

#[tokio::test]
async fn each_status_moves_as_the_fleet_does() {
    let world = World::new(&[]).await;
    let (free, held, expired) = ("NULL", "now() + interval '1 h'", "now() - interval '1 s'");
    // status, lease, healthy, deploy, old, status after the tick
    #[rustfmt::skip]
    let table = [
        ("starting",   free,    true,  "SUCCESS",   true,  Some("idle")),
        ("starting",   free,    true,  "FAILED",    false, Some("idle")),
        ("starting",   free,    false, "DEPLOYING", false, Some("starting")),
        ("starting",   free,    false, "DEPLOYING", true,  None),
        ("starting",   free,    false, "FAILED",    false, None),
        ("starting",   held,    false, "FAILED",    true,  Some("starting")),
        ("starting",   expired, false, "DEPLOYING", false, Some("starting")),
        ("idle",       free,    true,  "CRASHED",   true,  Some("idle")),
        ("idle",       free,    false, "CRASHED",   false, None),
        ("idle",       free,    false, "MISSING",   false, Some("idle")),
        ("idle",       free,    false, "SUCCESS",   true,  None),
        ("claimed",    free,    true,  "SUCCESS",   true,  Some("claimed")),
        ("claimed",    free,    false, "SUCCESS",   false, Some("claimed")),
        ("claimed",    free,    false, "CRASHED",   false, Some("crashed")),
        ("claimed",    free,    false, "SUCCESS",   true,  Some("crashed")),
        ("claiming",   held,    false, "CRASHED",   true,  Some("claiming")),
        ("claiming",   expired, true,  "SUCCESS",   false, None),
        ("destroying", free,    true,  "SUCCESS",   false, None),
        ("destroying", held,    true,  "SUCCESS",   false, Some("destroying")),
        ("crashed",    free,    true,  "SUCCESS",   false, Some("crashed")),
    ];
    let mut ids = Vec::new();
    for (status, lease, healthy, deploy, old, _) in table {
        let id = InstanceId::generate();
        world.fake.add(&id);
        set(&world, &id, healthy, deploy);
        world.insert(&id, status, lease).await;
        if old {
            age(&world, &id).await;
        }
        ids.push(id);
    }
    let report = world.tick().await;
    assert_eq!(report["ran"], true, "{report}");
    assert_eq!(
        (&report["becameIdle"], &report["crashed"]),
        (&json!(2), &json!(2)),
        "{report}"
    );
    for (id, (.., then)) in ids.iter().zip(table) {
        world.until(id, then).await;
    }
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn a_failed_or_empty_batch_condemns_no_instance() {
    let world = World::new(&[("POOL_MIN_IDLE", "9")]).await;
    let ids = world.idle(2).await;
    for id in &ids {
        age(&world, id).await;
    }
    for (fault, created) in [(Fault::Before(500), 7), (Fault::Garbled, 0)] {
        world.fake.fail(Op::Status, fault);
        let report = world.tick().await;
        assert!(report["unobserved"].is_string(), "{report}");
        assert_eq!(report["created"], created, "creation needs no observation");
    }
    world.fake.state().batch = Some(json!({}));
    let report = world.tick().await;
    assert_eq!(
        (report["condemned"].clone(), report["crashed"].clone()),
        (json!(0), json!(0))
    );
    assert!(
        report["unobserved"].as_str().unwrap().contains("none of"),
        "{report}"
    );
    for id in &ids {
        assert_eq!(world.status(id).await.as_deref(), Some("idle"));
    }
}

#[tokio::test]
async fn an_empty_listing_is_not_trusted() {
    let world = World::new(&[]).await;
    let ids = world.idle(5).await;
    for id in &ids[..3] {
        set(&world, id, false, "REMOVED");
    }
    let report = world.tick().await;
    assert!(
        report["unobserved"].as_str().unwrap().contains("3 of 5"),
        "{report}"
    );
    assert_eq!(report["condemned"], 0);
    set(&world, &ids[2], true, "SUCCESS");
    assert_eq!(world.tick().await["condemned"], 2, "2 of 5 is not too many");
}

#[tokio::test]
async fn a_destruction_that_fails_is_tried_again_by_the_next_tick() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    world.fake.fail(Op::Destroy, Fault::Before(500));
    let path = format!("/api/pool/instances/{id}");
    assert_eq!(world.send("DELETE", &path, "").await.status, 200);
    let free = format!(
        "SELECT status AS it FROM instances WHERE id = '{id}' AND lease_expires_at <= now()"
    );
    let what = "the failed destruction is released";
    eventually(what, SOON, async || world.ask(&free).await.is_some()).await;
    assert!(world.fake.state().instances.contains_key(&id));
    assert_eq!(world.tick().await["destroying"], 1);
    world.until(&id, None).await;
    assert!(!world.fake.state().instances.contains_key(&id));
}

#[tokio::test]
async fn while_another_replica_ticks_this_one_does_not() {
    let world = World::new(&[]).await;
    for (end, ran) in [("now() + interval '1 min'", false), ("now()", true)] {
        let turn = format!("UPDATE tick_state SET turn_expires_at = {end}");
        world.sql(&turn).await;
        assert_eq!(world.tick().await["ran"], ran, "{end}");
    }
    assert_eq!(world.tick().await["ran"], true, "a tick ends its turn");
}

#[tokio::test]
async fn a_tick_that_takes_long_keeps_its_turn() {
    let world = World::new(&[("POOL_WORK_LEASE_MS", "300")]).await;
    world.fake.fail(Op::Status, Fault::Hang);
    let turn = "SELECT turn_expires_at::text AS it FROM tick_state";
    let looked = async {
        world.asked(Op::Status, 1).await;
        let first = world.ask(turn).await;
        eventually("its turn is renewed", SOON, async || {
            world.ask(turn).await > first
        })
        .await;
        world.fake.resume();
    };
    let (report, ()) = tokio::join!(world.tick(), looked);
    assert_eq!(report["ran"], true);
    assert_eq!(
        world
            .ask("SELECT 'over' AS it FROM tick_state WHERE turn_expires_at IS NULL")
            .await
            .as_deref(),
        Some("over")
    );
}

#[tokio::test]
async fn a_tick_that_was_taken_over_applies_nothing() {
    let world = World::new(&[("POOL_MIN_IDLE", "2")]).await;
    let other = replica(&settings(&world.database, &world.fake.url, &[])).await;
    let id = world.idle(1).await.remove(0);
    world.fake.fail(Op::Status, Fault::Hang);
    let late = async {
        let answer = world.send("POST", "/api/pool/reconcile", "").await;
        answer.is_problem(503, "tick_taken_over");
    };
    let taking_over = async {
        world.asked(Op::Status, 1).await;
        eventually("the other replica ticks", SOON, async || {
            // Each time, because the first one may have renewed its turn.
            let ended = "UPDATE tick_state SET turn_expires_at = now()";
            world.sql(ended).await;
            let tick = world.http.post(format!("{other}/api/pool/reconcile"));
            answer(tick.bearer_auth(KEY)).await.body["ran"] == true
        })
        .await;
        // The answer that the first one gets now would kill the instance.
        set(&world, &id, false, "CRASHED");
        world.fake.resume();
    };
    tokio::join!(late, taking_over);
    assert_eq!(world.status(&id).await.as_deref(), Some("idle"));
    assert_eq!(world.fake.times(Op::Create), 0, "nothing is begun either");
}

#[tokio::test]
async fn when_a_replica_is_killed_in_mid_tick_the_other_goes_on() {
    let world = World::new(&[("TICK_INTERVAL_MS", "100")]).await;
    let database = world.database.url().as_secret().expose().to_owned();
    world.fake.fail(Op::Status, Fault::Hang);
    let mut killed = binary()
        .envs([("PORT", "0"), ("POOL_API_KEY", KEY), ("POOL_MIN_IDLE", "0")])
        .envs([
            ("POOL_DATABASE_URL", &database),
            ("SERVICES_URL", &world.fake.url),
        ])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    world.asked(Op::Status, 1).await;
    assert_eq!(world.tick().await["ran"], false);
    let id = InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "starting", "NULL").await;
    world.replica.pool.keep_ticking();
    killed.kill().await.unwrap();
    world.until(&id, Some("idle")).await;
}

#[tokio::test]
async fn silence_counts_only_while_the_fleet_was_watched() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    set(&world, &id, false, "SUCCESS");
    world.tick().await;
    let noted = "SELECT (silent_since IS NOT NULL)::text AS it FROM instances";
    assert_eq!(world.ask(noted).await.as_deref(), Some("true"));
    // It was unhealthy for an hour, but not observed: the pool or Services was down.
    world
        .sql("UPDATE instances SET silent_since = now() - interval '1 h'")
        .await;
    watched_for(&world, "1 hour", "59 min").await;
    // Three ticks of an hour; the pool that ticks now has a shorter interval.
    let hurried = [("TICK_INTERVAL_MS", "30000")];
    let url = replica(&settings(&world.database, &world.fake.url, &hurried)).await;
    let tick = async || {
        let tick = world.http.post(format!("{url}/api/pool/reconcile"));
        answer(tick.bearer_auth(KEY)).await.body
    };
    assert_eq!(tick().await["condemned"], 0, "it was not watched");
    assert_eq!(tick().await["condemned"], 0, "watching began again");
    watched_for(&world, "10 min", "30 s").await;
    assert_eq!(tick().await["condemned"], 0, "not for long enough");
    watched_for(&world, "16 min", "30 s").await;
    assert_eq!(tick().await["condemned"], 1);
}

#[tokio::test]
async fn unobserved_time_does_not_count() {
    let world = World::new(&[("TICK_INTERVAL_MS", "30000")]).await;
    let ids = world.idle(2).await;
    for id in &ids {
        set(&world, id, false, "SUCCESS");
    }
    let past = "now() - interval '1 h'";
    let idle = format!("UPDATE instances SET created_at = {past}, last_healthy_at = {past}");
    world.sql(&idle).await;
    let starting = InstanceId::generate();
    world.fake.add(&starting);
    set(&world, &starting, false, "DEPLOYING");
    world.insert(&starting, "starting", "NULL").await;
    world.sql(&idle).await;
    for _ in 0..2 {
        let report = world.tick().await;
        assert_eq!(report["condemned"], 0, "{report}");
    }
    set(&world, &ids[0], true, "SUCCESS");
    world.tick().await;
    let silent = "SELECT count(*)::text AS it FROM instances WHERE silent_since IS NOT NULL";
    assert_eq!(
        world.ask(silent).await.as_deref(),
        Some("2"),
        "a healthy answer ends it"
    );
}

#[tokio::test]
async fn a_listing_that_lacks_most_of_the_fleet_kills_nobody_and_alarms_every_replica() {
    let world = World::new(&[]).await;
    let other = replica(&settings(&world.database, &world.fake.url, &[])).await;
    let ids = world.idle(5).await;
    for id in &ids {
        age(&world, id).await;
    }
    let shown = async || {
        let status = world.http.get(format!("{other}/api/pool/status"));
        answer(status.bearer_auth(KEY)).await.body["unobserved"].clone()
    };
    let one = json!({"status": "SUCCESS", "healthy": true});
    world.fake.state().batch = Some(json!({(ids[0].to_string()): one}));
    let mut since = Vec::new();
    for _ in 0..2 {
        let report = world.tick().await;
        assert_eq!(
            (&report["condemned"], &report["crashed"]),
            (&json!(0), &json!(0))
        );
        let alarm = shown().await;
        assert!(
            alarm["reason"].as_str().unwrap().contains("4 of 5"),
            "{alarm}"
        );
        since.push(alarm["since"].clone());
        let metrics = world.send("GET", "/metrics", "").await.body;
        assert!(
            metrics
                .as_str()
                .unwrap()
                .contains("agent_pool_fleet_in_doubt")
        );
    }
    assert_eq!(since[0], since[1]);
    world.fake.state().batch = None;
    world.tick().await;
    assert_eq!(shown().await, json!(null));
    for id in &ids {
        assert_eq!(world.status(id).await.as_deref(), Some("idle"));
    }
}

#[tokio::test]
async fn a_fleet_that_becomes_unreachable_at_once_is_not_destroyed() {
    let world = World::new(&[]).await;
    let ids = world.idle(4).await;
    for id in &ids {
        age(&world, id).await;
        set(&world, id, false, "SUCCESS");
    }
    world
        .sql("UPDATE instances SET status = 'claimed' WHERE id = (SELECT min(id) FROM instances)")
        .await;
    let report = world.tick().await;
    assert!(
        report["unobserved"].as_str().unwrap().contains("4 of 4"),
        "{report}"
    );
    assert_eq!(
        (&report["condemned"], &report["crashed"]),
        (&json!(0), &json!(0))
    );
    set(&world, &ids[0], true, "SUCCESS");
    set(&world, &ids[1], true, "SUCCESS");
    let report = world.tick().await;
    assert_eq!(report["unobserved"], json!(null), "2 of 4 is not too many");
}

#[tokio::test]
async fn a_reappeared_instance_is_destroyed() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let path = format!("/api/pool/instances/{id}");
    world.send("DELETE", &path, "").await;
    world.until(&id, None).await;
    // Services finishes a creation that nobody waits for any more.
    world.fake.add(&id);
    let report = world.tick().await;
    assert_eq!(
        (&report["reappeared"], &report["foreign"]),
        (&json!(1), &json!(0))
    );
    eventually("it is destroyed", SOON, async || {
        world.fake.state().instances.is_empty()
    })
    .await;
    world.until(&id, None).await;
    let path = format!("/api/pool/events?limit=2&instanceId={id}");
    let events = world.send("GET", &path, "").await.body["events"].clone();
    assert_eq!(
        (&events[1]["to"], &events[1]["cause"]),
        (&json!("destroying"), &json!("reappeared"))
    );
}

#[tokio::test]
async fn a_foreign_instance_is_left_alone() {
    let world = World::new(&[]).await;
    let foreign = InstanceId::generate();
    world.fake.add(&foreign);
    let ours = world.idle(2).await;
    world
        .sql("UPDATE instances SET status = 'crashed' WHERE id = (SELECT min(id) FROM instances)")
        .await;
    let report = world.tick().await;
    assert_eq!(
        (&report["reappeared"], &report["foreign"]),
        (&json!(0), &json!(1))
    );
    // The database is lost: now all of them are.
    world.sql("TRUNCATE instances, instance_events").await;
    let report = world.tick().await;
    assert_eq!(
        (&report["reappeared"], &report["foreign"]),
        (&json!(0), &json!(3))
    );
    assert_eq!(world.fake.times(Op::Destroy), 0);
    assert_eq!(world.fake.state().instances.len(), ours.len() + 1);
}

#[tokio::test]
async fn a_restarted_pool_completes_the_work_of_a_dead_one() {
    let world = World::new(&[("POOL_MIN_IDLE", "0")]).await;
    let gone = "now() - interval '1 s'";
    // Nothing was created; everything was created but not recorded; half destroyed; half claimed.
    let [nothing, made, destroying, claiming] = [(); 4].map(|()| InstanceId::generate());
    for (id, status) in [
        (&nothing, "starting"),
        (&made, "starting"),
        (&destroying, "destroying"),
        (&claiming, "claiming"),
    ] {
        world.insert(id, status, gone).await;
        if *id != nothing {
            world.fake.add(id);
        }
    }
    let report = world.tick().await;
    assert_eq!(
        (&report["becameIdle"], &report["destroying"]),
        (&json!(0), &json!(2))
    );
    for (id, then) in [
        (&nothing, Some("idle")),
        (&made, Some("idle")),
        (&destroying, None),
        (&claiming, None),
    ] {
        world.until(id, then).await;
    }
    assert_eq!(
        world.fake.state().instances.len(),
        2,
        "every instance has a row"
    );
}

#[tokio::test]
async fn a_tick_prunes_the_lifecycle_log() {
    let world = World::new(&[("POOL_EVENTS_KEEP_DAYS", "7")]).await;
    for days in [6, 8] {
        world
            .sql(&format!(
                "INSERT INTO instance_events (instance_id, to_status, cause, at)
                 VALUES ('day-{days}', 'idle', 'x', now() - interval '{days} days')"
            ))
            .await;
    }
    world.tick().await;
    let left = "SELECT string_agg(instance_id, ',') AS it FROM instance_events";
    assert_eq!(world.ask(left).await.as_deref(), Some("day-6"));
}

#[tokio::test]
async fn a_tick_that_was_asked_for_comes_to_its_end_when_the_client_hangs_up() {
    let world = World::new(&[]).await;
    let id = InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "starting", "NULL").await;
    world.fake.fail(Op::Status, Fault::Hang);
    tokio::select! {
        _ = world.tick() => panic!("Services hangs"),
        () = world.asked(Op::Status, 1) => {}
    }
    world.fake.resume();
    world.until(&id, Some("idle")).await;
}

#[tokio::test]
async fn a_dead_fleet_is_reported_and_can_be_replaced() {
    let world = World::new(&[("POOL_MIN_IDLE", "3")]).await;
    let ids = world.idle(3).await;
    for id in &ids {
        set(&world, id, false, "CRASHED");
    }
    let report = world.tick().await;
    let message = report["unobserved"].as_str().unwrap();
    assert!(message.contains("3 of 3"), "{message}");
    for id in &ids {
        let path = format!("/api/pool/instances/{id}");
        assert_eq!(world.send("DELETE", &path, "").await.status, 200);
        world.until(id, None).await;
    }
    assert_eq!(world.tick().await["created"], 3);
}

#[tokio::test]
async fn services_that_is_busy_with_an_instance_is_asked_again() {
    let world = World::new(&[]).await;
    world.fake.fail(Op::Create, Fault::Before(409));
    world.fake.fail(Op::Destroy, Fault::Before(409));
    let id = world.replenish(1).await.remove(0);
    eventually("the row is gone", SOON, async || {
        world.tick().await;
        world.status(&id).await.is_none()
    })
    .await;
    assert_eq!(world.fake.times(Op::Destroy), 2);
}
