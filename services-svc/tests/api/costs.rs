//! Tests of costs: prices, usage, and changed limits.

use agent_pool_core::ErrorKind;
use reqwest::Method;
use serde_json::json;

use crate::support::{Service, When, id};

#[tokio::test]
async fn a_creation_tells_the_prices_that_are_set() {
    let service = Service::with(&[
        ("CELLAR_PRICE_PER_HOUR", "0.01"),
        ("ALPHA_PRICE_ONCE", "2"),
        ("ALPHA_PRICES_AS_OF", "2026-11-29"),
    ])
    .await;
    for _ in 0..2 {
        let created = service.create(&id(1), &["alpha", "beta"]).await.ok();
        let prices = json!({
            "alpha": { "perHourMicros": 0, "perMonthMicros": 0, "onceMicros": 2_000_000, "asOf": "2026-11-29" },
            "cellar": { "perHourMicros": 10_000, "perMonthMicros": 0, "onceMicros": 0 },
        });
        assert_eq!(created["prices"], prices, "beta is free");
    }
    let registry = service.get("/registry").await.ok();
    assert_eq!(registry["tools"][0]["price"]["onceMicros"], 2_000_000);
}

#[tokio::test]
async fn the_usage_of_many_instances_is_told_at_once() {
    let service = Service::start().await;
    for number in 1..3 {
        service.create(&id(number), &["alpha", "beta"]).await.ok();
    }
    let ask = json!({ "instanceIds": [id(1), id(2), id(3)] });
    let batch = service.post("/usage/batch", ask.clone()).await.ok();
    let used = json!({ "alpha": { "usd": 1.25 } });
    assert_eq!(
        batch,
        json!({ (id(1).to_string()): used, (id(2).to_string()): used })
    );
    service
        .world
        .fail("alpha usage", ErrorKind::Unavailable, When::Before);
    let batch = service.post("/usage/batch", ask).await.ok();
    assert_eq!(batch, json!({}), "what is not known is absent");
    let many: Vec<_> = (0..101).map(id).collect();
    service
        .post("/usage/batch", json!({ "instanceIds": many }))
        .await
        .is_problem(400, "invalid_field");
}

#[tokio::test]
async fn the_options_of_a_tool_are_changed_at_its_vendor() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    let patch = async |path: &str| {
        let body = json!({ "config": { "limit": 50 } }).to_string();
        service.send(Method::PATCH, path, Some(body)).await
    };
    let path = "/provision/instance0001/alpha";
    let answer = patch(path).await.ok();
    assert_eq!(
        answer,
        json!({ "instanceId": id(1), "toolId": "alpha", "ok": true })
    );
    assert_eq!(service.world.count("alpha update"), 1);
    let has_none = patch("/provision/instance0001/beta").await;
    has_none.is_problem(404, "unknown_resource");
    let unknown = patch("/provision/instance0009/alpha").await;
    unknown.is_problem(404, "unknown_instance");
    let malformed = patch("/provision/instance0001/%C2%84").await;
    malformed.is_problem(400, "unknown_tool");
    service
        .world
        .fail("alpha update", ErrorKind::Invalid, When::Before);
    patch(path).await.is_problem(400, "invalid_field");
}

#[tokio::test]
async fn a_creation_that_failed_tells_what_it_made_in_vain() {
    let service = Service::with(&[
        ("CELLAR_PRICE_PER_HOUR", "0.01"),
        ("ALPHA_PRICE_ONCE", "2"),
        ("BETA_PRICE_ONCE", "3"),
    ])
    .await;
    let fail = |call| {
        service.world.fail(call, ErrorKind::Protocol, When::Before);
    };
    fail("beta provision");
    let answer = service.create(&id(1), &["alpha", "beta"]).await;
    let problem = &answer.is_problem(502, "vendor_protocol").body;
    let made: Vec<_> = problem["prices"].as_object().unwrap().keys().collect();
    assert_eq!(made, ["alpha", "cellar"]);
    assert_eq!(problem["prices"]["alpha"]["onceMicros"], 2_000_000);
    service.world.heal();
    fail("cellar create");
    let answer = service.create(&id(2), &["beta"]).await;
    let problem = &answer.is_problem(502, "vendor_protocol").body;
    let made: Vec<_> = problem["prices"].as_object().unwrap().keys().collect();
    assert_eq!(made, ["beta"]);
}

#[tokio::test]
async fn an_added_tool_has_its_price() {
    let service = Service::with(&[("BETA_PRICE_PER_MONTH", "1")]).await;
    service.create(&id(1), &["alpha"]).await.ok();
    let path = format!("/instances/{}/tools", id(1));
    let body = json!({ "tools": ["alpha", "beta"] });
    let ensured = service.put(&path, body).await.ok();
    let price = json!({ "perHourMicros": 0, "perMonthMicros": 1_000_000, "onceMicros": 0 });
    assert_eq!(ensured["prices"], json!({ "beta": price }));
}
