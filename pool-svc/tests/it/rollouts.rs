//! Roll-outs of idle instances.

use std::time::Duration;

use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::fake::{Fault, Op};
use crate::world::{Replica, SOON, World, settings};

const OLD: &str = "aaaaaaaaaaaaaaaa";
const NEW: &str = "bbbbbbbbbbbbbbbb";

/// A pool with `count` idle instances of the old recipe, that rolls out the new one from now on.
async fn with_old_ones(count: usize) -> World {
    let world = World::new(&[("POOL_MIN_IDLE", &count.to_string())]).await;
    recipe(&world, OLD);
    let pool = &world.replica.pool;
    pool.keep_replenishing();
    world.send("POST", "/api/pool/replenish", "").await;
    until_idle(&world, OLD, count).await;
    recipe(&world, NEW);
    pool.keep_rolling_out();
    world
}

/// A pool with target 0 and `count` idle instances of the old recipe, which is still the recipe.
async fn with_spare_ones(count: usize) -> World {
    let world = with_old_ones(0).await;
    recipe(&world, OLD);
    world.replenish(count).await;
    until_idle(&world, OLD, count).await;
    world
}

fn recipe(world: &World, hash: &str) {
    world.fake.state().recipe = Some(hash.to_owned());
}

async fn idle(world: &World, recipe: &str) -> usize {
    let query = format!(
        "SELECT count(*)::text AS it FROM instances WHERE status = 'idle' AND made_from = '{recipe}'"
    );
    world.ask(&query).await.unwrap().parse().unwrap()
}

async fn until_idle(world: &World, recipe: &str, count: usize) {
    let what = format!("{count} idle ones of recipe {recipe}");
    eventually(&what, SOON, async || idle(world, recipe).await == count).await;
}

async fn rollout(world: &World) -> Value {
    let pool = world.send("GET", "/api/pool/pools/default", "").await;
    pool.body["rollout"].clone()
}

async fn until_state(world: &World, state: &str) -> Value {
    let what = format!("the roll-out is {state}");
    eventually(&what, SOON, async || rollout(world).await["state"] == state).await;
    rollout(world).await
}

async fn act(world: &World, action: &str) -> crate::world::Answer {
    let body = json!({ "action": action }).to_string();
    let path = "/api/pool/pools/default/rollout";
    world.send("POST", path, &body).await
}

#[tokio::test]
async fn idle_ones_are_replaced_behind_a_canary_and_never_below_the_target() {
    let world = with_old_ones(3).await;
    eventually("it is done", SOON, async || {
        let idle = world.count("idle").await;
        assert!(idle >= 3, "{idle} idle of 3");
        rollout(&world).await["state"] == "done"
    })
    .await;
    let done = rollout(&world).await;
    assert_eq!(
        (
            &done["from"],
            &done["to"],
            &done["replaced"],
            &done["remaining"]
        ),
        (&json!(OLD), &json!(NEW), &json!(3), &json!(0))
    );
    assert_eq!(idle(&world, OLD).await, 0);
    assert!(idle(&world, NEW).await >= 3);
    let explained = "SELECT DISTINCT cause || ': ' || reason AS it FROM instance_events WHERE cause = 'replaced'";
    let expected = format!("replaced: roll-out to recipe {NEW}");
    assert_eq!(world.ask(explained).await, Some(expected));
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn a_failed_canary_stops_the_roll_out_and_a_retry_continues_it() {
    let world = with_spare_ones(2).await;
    let hook = r#"{"url": "https://example.com/hook", "events": ["rollout.stopped"]}"#;
    world.send("POST", "/api/pool/webhooks", hook).await;
    world
        .fake
        .fail(Op::Create, Fault::Refuse(422, "image_not_allowed"));
    recipe(&world, NEW);
    world
        .send("PATCH", "/api/pool/settings", r#"{"minIdle": 2}"#)
        .await;
    let stopped = until_state(&world, "stopped").await;
    let cause = stopped["cause"].as_str().unwrap();
    assert!(
        cause.contains(stopped["canary"].as_str().unwrap()),
        "{cause}"
    );
    assert!(cause.contains("image_not_allowed"), "{cause}");
    assert_eq!(idle(&world, OLD).await, 2);
    let raised = "SELECT body AS it FROM webhook_messages WHERE event = 'rollout.stopped'";
    let raised: Value = serde_json::from_str(&world.ask(raised).await.unwrap()).unwrap();
    assert_eq!(raised["data"]["reason"], cause);
    assert_eq!(act(&world, "stop").await.code(), "no_rollout");
    assert_eq!(act(&world, "retry").await.status, 200);
    let done = until_state(&world, "done").await;
    assert_eq!(done["changedBy"], "api");
    assert_eq!(act(&world, "retry").await.code(), "no_rollout");
}

#[tokio::test]
async fn an_operator_stops_it_and_it_stays_stopped() {
    let world = with_spare_ones(1).await;
    world.fake.fail(Op::Create, Fault::Hang);
    recipe(&world, NEW);
    world
        .send("PATCH", "/api/pool/settings", r#"{"minIdle": 1}"#)
        .await;
    until_state(&world, "canary").await;
    // The state is stored before the canary is: without it there would be nothing to release below.
    world.asked(Op::Create, 2).await;
    assert_eq!(act(&world, "stop").await.status, 200);
    let stopped = rollout(&world).await;
    assert_eq!(
        (&stopped["state"], &stopped["cause"]),
        (&json!("stopped"), &json!("stopped by api"))
    );
    world.fake.resume();
    until_idle(&world, NEW, 1).await;
    assert_eq!(rollout(&world).await["state"], "stopped");
    assert_eq!(idle(&world, OLD).await, 1);
}

#[tokio::test]
async fn limits_without_room_are_named_until_one_is_raised() {
    let world = with_spare_ones(2).await;
    let limited = r#"{"minIdle": 2, "maxTotal": 2}"#;
    recipe(&world, NEW);
    world.send("PATCH", "/api/pool/settings", limited).await;
    eventually("it reports what blocks it", SOON, async || {
        let cause = rollout(&world).await["cause"].clone();
        cause
            .as_str()
            .is_some_and(|cause| cause.contains("no room for a canary"))
    })
    .await;
    assert_eq!(idle(&world, OLD).await, 2, "they are left alone");
    world
        .send("PATCH", "/api/pool/settings", r#"{"maxTotal": 3}"#)
        .await;
    until_state(&world, "done").await;
}

#[tokio::test]
async fn an_idle_one_above_the_target_makes_room_for_the_canary() {
    let world = with_spare_ones(2).await;
    recipe(&world, NEW);
    let limited = r#"{"minIdle": 1, "maxTotal": 2}"#;
    world.send("PATCH", "/api/pool/settings", limited).await;
    until_state(&world, "done").await;
    assert_eq!(idle(&world, OLD).await, 0);
}

#[tokio::test]
async fn going_back_within_the_hour_waits_for_an_operator() {
    let world = with_old_ones(1).await;
    until_state(&world, "done").await;
    recipe(&world, OLD);
    // Any change of the pool starts a check of its roll-out.
    world
        .send("PATCH", "/api/pool/settings", r#"{"minIdle": 2}"#)
        .await;
    let refused = until_state(&world, "stopped").await;
    assert_eq!(
        (&refused["from"], &refused["to"]),
        (&json!(NEW), &json!(OLD))
    );
    let cause = refused["cause"].as_str().unwrap();
    assert!(cause.contains("within the last hour"), "{cause}");
    assert!(idle(&world, NEW).await > 0);
    act(&world, "retry").await;
    until_state(&world, "done").await;
    assert_eq!(idle(&world, NEW).await, 0);
}

#[tokio::test]
async fn a_recipe_that_flips_back_and_forth_is_rolled_out_once_at_most() {
    let world = with_old_ones(2).await;
    for flip in [OLD, NEW, OLD, NEW] {
        tokio::time::sleep(Duration::ZERO).await;
        recipe(&world, flip);
        let target = if flip == OLD { 2 } else { 3 };
        let body = json!({ "minIdle": target }).to_string();
        world.send("PATCH", "/api/pool/settings", &body).await;
    }
    eventually("no roll-out is in progress", SOON, async || {
        rollout(&world).await["state"] != "canary" && rollout(&world).await["state"] != "rolling"
    })
    .await;
    let begun = "SELECT count(*)::text AS it FROM rollouts WHERE canary IS NOT NULL";
    let begun: usize = world.ask(begun).await.unwrap().parse().unwrap();
    assert!(begun <= 1, "{begun}");
}

#[tokio::test]
async fn two_replicas_make_one_canary_together() {
    let world = with_old_ones(2).await;
    let environment = settings(&world.database, &world.fake.url, &[("POOL_MIN_IDLE", "2")]);
    let other = Replica::start(&environment).await;
    other.pool.keep_rolling_out();
    until_state(&world, "done").await;
    let made = "SELECT count(*)::text AS it FROM rollouts";
    assert_eq!(world.ask(made).await.as_deref(), Some("1"));
    let inserted = "SELECT count(*)::text AS it FROM instance_events WHERE cause = 'warm_up'";
    let inserted: usize = world.ask(inserted).await.unwrap().parse().unwrap();
    assert!(
        inserted <= 5,
        "2 old ones, a canary, and one for each replaced: {inserted}"
    );
}

#[tokio::test]
async fn instances_that_say_nothing_of_their_recipe_are_left_alone() {
    let world = World::new(&[]).await;
    world.idle(2).await;
    recipe(&world, NEW);
    world.replica.pool.keep_rolling_out();
    world.tick().await;
    assert_eq!(rollout(&world).await, Value::Null);
    assert_eq!(world.fake.times(Op::Recipe), 0);
}
