//! Each instance has its own key, and no rotation of any key ends an instance.

use agent_pool_service_kit::testing::eventually;
use serde_json::{Value, json};

use crate::fake::{KEY, Op};
use crate::world::{SOON, World};

const ENCRYPTED: (&str, &str) = (
    "POOL_ENCRYPTION_KEY",
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
);
const STORED: &str = "SELECT runtime_key AS it FROM instances";

#[tokio::test]
async fn a_new_instance_is_checked_and_claimed_with_its_own_key() {
    let world = World::new(&[("POOL_MIN_IDLE", "1"), ENCRYPTED]).await;
    world.tick().await;
    let made = || world.fake.state().instances.keys().next().cloned();
    eventually("an instance is made", SOON, async || made().is_some()).await;
    let id = made().unwrap();
    world.until(&id, Some("idle")).await;
    let stored = world.ask(STORED).await.unwrap();
    assert!(stored.starts_with("xc1."), "sealed: {stored}");
    assert_eq!(world.claim("{}").await.status, 200);
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn any_of_the_operators_keys_opens_an_instance_made_before() {
    let rotated = format!("{KEY}, older-key-0123456789");
    let world = World::new(&[("POOL_API_KEY", &rotated)]).await;
    for open_health in [false, true] {
        let id = world.idle(1).await.remove(0);
        {
            let mut state = world.fake.state();
            state.open_health = open_health;
            state.instances.get_mut(&id).unwrap().key = "older-key-0123456789".to_owned();
        }
        let answer = world.claim("{}").await;
        assert_eq!(
            (answer.status, &answer.body["instanceId"]),
            (200, &json!(id))
        );
    }
    world.fake.assert_nothing_unexpected();
}

#[tokio::test]
async fn an_instance_that_refuses_our_key_is_passed_over_and_never_destroyed() {
    let world = World::new(&[]).await;
    for open_health in [false, true] {
        let id = world.idle(1).await.remove(0);
        {
            let mut state = world.fake.state();
            state.open_health = open_health;
            state.instances.get_mut(&id).unwrap().key = "nobody has it".to_owned();
        }
        let answer = world.claim("{}").await;
        answer.is_problem(503, "no_idle_instance");
        world.until(&id, Some("idle")).await;
    }
    assert_eq!(world.fake.times(Op::Destroy), 0);
    let good = world.idle(1).await.remove(0);
    let answer = world.claim("{}").await;
    assert_eq!(
        (answer.status, &answer.body["instanceId"]),
        (200, &json!(good))
    );
}

#[tokio::test]
async fn a_refused_key_does_not_change_the_status() {
    let world = World::new(&[("POOL_STUCK_TIMEOUT_MS", "1")]).await;
    let ids = world.idle(2).await;
    world
        .sql("UPDATE instances SET silent_since = now() - interval '1 day'")
        .await;
    let refused = json!({"status": "SUCCESS", "healthy": false, "keyRefused": true});
    let batch: serde_json::Map<String, Value> = ids
        .iter()
        .map(|id| (id.to_string(), refused.clone()))
        .collect();
    world.fake.state().batch = Some(batch.into());
    world.tick().await;
    for id in &ids {
        assert_eq!(world.status(id).await.as_deref(), Some("idle"));
    }
}

#[tokio::test]
async fn services_is_called_with_a_key_of_its_own() {
    let world = World::new(&[("SERVICES_API_KEY", "services-key-01234")]).await;
    world.fake.state().services_key = Some("services-key-01234".to_owned());
    world.idle(1).await;
    world.tick().await;
    assert_eq!(world.claim("{}").await.status, 200);
    world.fake.assert_nothing_unexpected();
}
