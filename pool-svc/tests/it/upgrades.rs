//! Upgrades of claimed instances, and what each instance runs.

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::fake::{Fault, Op};
use crate::world::{SOON, World};

const OLD: &str = "aaaaaaaaaaaaaaaa";
const NEW: &str = "bbbbbbbbbbbbbbbb";

/// `count` claimed instances of the old recipe, in a pool that now has the new one.
async fn with_claimed(count: usize) -> (World, Vec<InstanceId>) {
    let world = World::new(&[]).await;
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = InstanceId::generate();
        world.fake.add(&id);
        world.insert(&id, "claimed", "NULL").await;
        let made_from = Some(OLD.to_owned());
        world.fake.state().instances.get_mut(&id).unwrap().made_from = made_from;
        ids.push(id);
    }
    world.tick().await;
    world.fake.state().recipe = Some(NEW.to_owned());
    world.replica.pool.keep_upgrading();
    (world, ids)
}

async fn upgrade(world: &World, body: Value) -> crate::world::Answer {
    let body = body.to_string();
    world.send("POST", "/api/pool/upgrades", &body).await
}

async fn row(world: &World, id: &InstanceId) -> Value {
    let all = world.send("GET", "/api/pool/upgrades", "").await.body;
    let rows = all["instances"].as_array().unwrap();
    let found = rows.iter().find(|row| row["instanceId"] == id.as_str());
    found.unwrap().clone()
}

async fn until_state(world: &World, id: &InstanceId, state: &str) -> Value {
    let what = format!("the upgrade of {id} is {state}");
    eventually(&what, SOON, async || {
        row(world, id).await["upgrade"]["state"] == state
    })
    .await;
    row(world, id).await
}

#[tokio::test]
async fn upgrades_list_the_recipe_of_each_instance() {
    let (world, ids) = with_claimed(1).await;
    let id = &ids[0];
    let before = row(&world, id).await;
    assert_eq!(
        (&before["madeFrom"], &before["current"], &before["status"]),
        (&json!(OLD), &json!(false), &json!("claimed"))
    );
    let requested = upgrade(&world, json!({ "instanceIds": ids })).await;
    assert_eq!(requested.body["instanceIds"], json!(ids));
    let after = until_state(&world, id, "done").await;
    assert_eq!(
        (&after["madeFrom"], &after["current"]),
        (&json!(NEW), &json!(true))
    );
    assert_eq!(after["upgrade"]["requestedBy"], "api");
    assert_eq!(world.status(id).await.as_deref(), Some("claimed"));
    let view = world
        .send("GET", &format!("/api/pool/instances/{id}"), "")
        .await;
    assert_eq!(view.body["madeFrom"], NEW);
    let all = world.send("GET", "/api/pool/upgrades", "").await.body;
    assert_eq!(all["pools"][0]["recipe"]["hash"], NEW);
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn a_failure_stops_the_rest_of_its_request() {
    let (world, ids) = with_claimed(3).await;
    world
        .fake
        .fail(Op::Upgrade, Fault::Refuse(422, "image_not_allowed"));
    upgrade(&world, json!({ "pool": "default" })).await;
    let mut states = Vec::new();
    eventually("all have ended", SOON, async || {
        states.clear();
        for id in &ids {
            let row = row(&world, id).await;
            states.push(
                row["upgrade"]["state"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
        states.sort_unstable();
        states == ["failed", "stopped", "stopped"]
    })
    .await;
    assert_eq!(world.fake.times(Op::Upgrade), 1);
    let error = "SELECT error AS it FROM upgrades WHERE state = 'failed'";
    let error = world.ask(error).await.unwrap();
    assert!(error.contains("the fake says so"), "{error}");
    let again = upgrade(&world, json!({ "pool": "default", "batch": 2 })).await;
    assert_eq!(again.body["count"], 3);
    for id in &ids {
        until_state(&world, id, "done").await;
    }
    let nothing = upgrade(&world, json!({ "pool": "default" })).await;
    assert_eq!(nothing.body["count"], 0, "none is outdated any more");
}

#[tokio::test]
async fn a_batch_is_upgraded_at_a_time() {
    let (world, ids) = with_claimed(3).await;
    for _ in 0..2 {
        world.fake.fail(Op::Upgrade, Fault::Hang);
    }
    upgrade(&world, json!({ "instanceIds": ids, "batch": 2 })).await;
    world.asked(Op::Upgrade, 2).await;
    let waiting = "SELECT count(*)::text AS it FROM upgrades WHERE state = 'waiting'";
    assert_eq!(world.ask(waiting).await.as_deref(), Some("1"));
    world.fake.resume();
    for id in &ids {
        until_state(&world, id, "done").await;
    }
}

#[tokio::test]
async fn an_upgrade_whose_replica_died_is_done_by_another() {
    let (world, ids) = with_claimed(1).await;
    world
        .sql(&format!(
            "INSERT INTO upgrades (request, instance_id, batch, state, lease_expires_at)
             VALUES ('r', '{}', 1, 'running', now())",
            ids[0]
        ))
        .await;
    world.replica.pool.keep_upgrading();
    until_state(&world, &ids[0], "done").await;
}

#[tokio::test]
async fn what_cannot_be_upgraded_is_refused() {
    let (world, ids) = with_claimed(1).await;
    let idle = world.idle(1).await;
    for (body, status, code) in [
        (json!({}), 400, "invalid_field"),
        (
            json!({ "instanceIds": ids, "pool": "default" }),
            400,
            "invalid_field",
        ),
        (
            json!({ "instanceIds": ids, "batch": 0 }),
            400,
            "invalid_field",
        ),
        (json!({ "instanceIds": idle }), 404, "not_claimed"),
        (
            json!({ "instanceIds": ["nosuchinstan"] }),
            404,
            "unknown_instance",
        ),
        (json!({ "pool": "nosuch" }), 404, "unknown_pool"),
    ] {
        let answer = upgrade(&world, body.clone()).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body}");
    }
    assert_eq!(world.fake.times(Op::Upgrade), 0);
}
