//! Pools that are sized: the target, its reasons, and the replay of the log.

use agent_pool_service_kit::testing::eventually;
use serde_json::json;

use crate::dashboard::Person;
use crate::world::{SOON, World};

/// Claims in the log: one every 30 s for two days, each instance warmed in 40 s.
async fn log(world: &World) {
    world
        .sql(
            "INSERT INTO instance_events (instance_id, from_status, to_status, cause, pool, at)
             SELECT 'instance' || lpad(n::text, 5, '0'), kind.from_status, kind.to_status, 'x', 'default',
                    now() - interval '2 days' + n * interval '30 s' + kind.later
             FROM generate_series(1, 5759) AS n, (VALUES
                 (NULL, 'starting', interval '-40 s'), ('starting', 'idle', interval '0 s'),
                 ('idle', 'claiming', interval '0 s')) AS kind (from_status, to_status, later)",
        )
        .await;
}

#[tokio::test]
async fn a_pool_with_an_objective_gets_its_target_from_the_log_and_says_why() {
    let world = World::new(&[]).await;
    log(&world).await;
    let objective = json!({ "objective": { "hitRate": "99%", "max": 20 } });
    let patched = world
        .send("PATCH", "/api/pool/settings", &objective.to_string())
        .await;
    assert_eq!(patched.status, 200, "{}", patched.body);
    world.replica.pool.keep_sizing();
    world.replica.pool.keep_replenishing();
    let found = async || world.send("GET", "/api/pool/pools/default", "").await.body;
    eventually("it is sized", SOON, async || {
        found().await["sizing"].is_object()
    })
    .await;
    let pool = found().await;
    let sizing = &pool["sizing"];
    assert_eq!(pool["target"], sizing["target"]);
    assert!(
        (3..=9).contains(&pool["target"].as_u64().unwrap()),
        "{pool}"
    );
    assert!(
        (35.0..45.0).contains(&sizing["leadSeconds"].as_f64().unwrap()),
        "{pool}"
    );
    let reason = sizing["reason"].as_str().unwrap();
    assert!(
        reason.contains("claims a minute, 40 s to warm one and a hit rate of 99%"),
        "{reason}"
    );
    eventually("it is filled", SOON, async || {
        found().await["counts"]["idle"] == pool["target"]
    })
    .await;
    let logged =
        "SELECT reason AS it FROM instance_events WHERE cause = 'warm_up' ORDER BY id DESC LIMIT 1";
    let logged = world.ask(logged).await.unwrap();
    assert!(
        logged.starts_with(reason) && logged.ends_with("missing"),
        "{logged}"
    );
    let told = world
        .send("GET", "/api/pool/explain/pool/default", "")
        .await
        .body;
    assert!(
        told["steps"][0]["text"].as_str().unwrap().contains(reason),
        "{told}"
    );
    let page = Person::operator(&world).await.get("/pools/default").await;
    assert!(
        page.has("claims a minute") && page.has("Nothing is missing."),
        "{}",
        page.html
    );
}

#[tokio::test]
async fn idle_instances_that_are_too_many_are_removed_and_the_log_says_why() {
    let world = World::new(&[]).await;
    let objective = json!({ "objective": { "hitRate": "99%", "min": 1, "max": 20 } });
    world
        .send("PATCH", "/api/pool/settings", &objective.to_string())
        .await;
    world.idle(4).await;
    world.replica.pool.keep_sizing();
    eventually("one is left", SOON, async || {
        let counts = world.send("GET", "/api/pool/counts", "").await.body;
        counts["idle"] == 1 && counts["destroying"] == 0
    })
    .await;
    let logged = "SELECT min(reason) AS it FROM instance_events WHERE cause = 'surplus'";
    let logged = world.ask(logged).await.unwrap();
    assert!(
        logged.starts_with("more than 1 idle for 10 min; 0 needed"),
        "{logged}"
    );
}

#[tokio::test]
async fn the_log_is_replayed_under_another_policy() {
    let world = World::new(&[("POOL_MIN_IDLE", "1")]).await;
    log(&world).await;
    let ask = json!({
        "sinceSeconds": 86_400, "objective": { "hitRate": "99%", "max": 20 }, "costPerHour": 0.5,
    });
    let replayed = world
        .send("POST", "/api/pool/simulate", &ask.to_string())
        .await;
    assert_eq!(replayed.status, 200, "{}", replayed.body);
    let it = &replayed.body;
    assert_eq!(it["current"]["policy"], "1 idle");
    assert!(it["current"]["hitRate"].as_f64().unwrap() < 0.5, "{it}");
    assert!(it["objective"]["hitRate"].as_f64().unwrap() > 0.98, "{it}");
    let (hours, cost) = (&it["objective"]["idleHours"], &it["objective"]["cost"]);
    assert!(
        (hours.as_f64().unwrap() * 0.5 - cost.as_f64().unwrap()).abs() < 1e-6,
        "{it}"
    );
    assert_eq!(
        it["bestFixed"]["policy"], "2 idle",
        "one claim every 30 s, 40 s to warm one: {it}"
    );
    for (body, code) in [
        (
            json!({ "pool": "nosuch", "sinceSeconds": 86_400, "objective": { "hitRate": "99%" } }),
            "unknown_pool",
        ),
        (
            json!({ "sinceSeconds": 1, "objective": { "hitRate": "99%" } }),
            "invalid_field",
        ),
        (
            json!({ "sinceSeconds": 86_400, "objective": { "hitRate": "99%" }, "costPerHour": -1 }),
            "invalid_field",
        ),
        (
            json!({ "sinceSeconds": 86_400, "objective": { "hitRate": "99%" }, "costPerHour": 1e308 }),
            "invalid_field",
        ),
        (
            json!({ "sinceSeconds": 86_400, "objective": { "hitRate": "100%" } }),
            "invalid_field",
        ),
        (
            json!({ "sinceSeconds": 86_400, "objective": { "hitRate": "99%", "timeZone": "Mars" } }),
            "invalid_field",
        ),
    ] {
        let refused = world
            .send("POST", "/api/pool/simulate", &body.to_string())
            .await;
        assert_eq!(refused.code(), code, "{}", refused.body);
    }
    let both = json!({ "minIdle": 1, "objective": { "hitRate": "99%" } });
    let refused = world
        .send("PATCH", "/api/pool/settings", &both.to_string())
        .await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}
