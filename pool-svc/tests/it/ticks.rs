use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use serde_json::json;

use crate::fake::{Fault, Op};
use crate::world::{SOON, World};

async fn age(world: &World, id: &InstanceId) {
    let past = "now() - interval '1 hour'";
    world
        .sql(&format!(
            "UPDATE instances SET created_at = {past}, last_healthy_at = {past} WHERE id = '{id}'"
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
    // status, lease, healthy, deploy, old, what it is then
    #[rustfmt::skip]
    let table = [
        ("starting",   free,    true,  "SUCCESS",   true,  Some("idle")),
        ("starting",   free,    true,  "FAILED",    false, Some("idle")),
        ("starting",   free,    false, "DEPLOYING", false, Some("starting")),
        ("starting",   free,    false, "DEPLOYING", true,  None),
        ("starting",   free,    false, "FAILED",    false, None),
        ("starting",   held,    false, "FAILED",    true,  Some("starting")),
        ("starting",   expired, false, "DEPLOYING", false, None),
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
async fn a_failed_or_empty_answer_condemns_nobody() {
    let world = World::new(&[("POOL_MIN_IDLE", "9")]).await;
    let ids = world.idle(2).await;
    for id in &ids {
        age(&world, id).await;
    }
    for fault in [Fault::Before(500), Fault::Garbled] {
        world.fake.fail(Op::Status, fault);
        let report = world.tick().await;
        assert!(report["unobserved"].is_string(), "{report}");
        assert_eq!(report["created"], 0, "Services could not create either");
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
async fn a_fleet_that_vanishes_at_once_is_not_believed() {
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
    let what = "the failed destruction is let go";
    eventually(what, SOON, async || world.ask(&free).await.is_some()).await;
    assert!(world.fake.state().instances.contains_key(&id));
    assert_eq!(world.tick().await["destroying"], 1);
    world.until(&id, None).await;
    assert!(!world.fake.state().instances.contains_key(&id));
}

#[tokio::test]
async fn while_another_replica_ticks_this_one_does_not() {
    use agent_pool_service_kit::db::lock::SessionLock;
    let world = World::new(&[]).await;
    let lock = SessionLock::try_take(world.database.url(), "agent-pool tick")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(world.tick().await["ran"], false);
    lock.release().await;
    assert_eq!(world.tick().await["ran"], true);
}

#[tokio::test]
async fn a_tick_that_was_asked_for_comes_to_its_end_when_the_client_hangs_up() {
    let world = World::new(&[]).await;
    let id = InstanceId::generate();
    world.fake.add(&id);
    world.insert(&id, "starting", "NULL").await;
    world.fake.fail(Op::Status, Fault::Hang);
    let asked = eventually("Services is asked", SOON, async || {
        world.fake.times(Op::Status) == 1
    });
    tokio::select! {
        _ = world.tick() => panic!("Services hangs"),
        () = asked => {}
    }
    world.fake.resume();
    world.until(&id, Some("idle")).await;
}

#[tokio::test]
async fn a_whole_fleet_that_died_is_told_of_and_can_be_killed_and_replaced() {
    let world = World::new(&[("POOL_MIN_IDLE", "3")]).await;
    let ids = world.idle(3).await;
    for id in &ids {
        set(&world, id, false, "CRASHED");
    }
    let report = world.tick().await;
    let told = report["unobserved"].as_str().unwrap();
    assert!(told.contains("3 of 3"), "{told}");
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
    let begun = world.send("POST", "/api/pool/replenish", r#"{"count": 1}"#);
    let begun = begun.await.body["instanceIds"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let id = begun.parse().unwrap();
    eventually("the row is gone", SOON, async || {
        world.tick().await;
        world.status(&id).await.is_none()
    })
    .await;
    assert_eq!(world.fake.times(Op::Destroy), 2);
}
