//! `GET /registry` and the routes about the process.

use agent_pool_core::ErrorKind;
use agent_pool_service_kit::testing::eventually;
use serde_json::json;

use crate::support::{PATIENCE, Service, When, id};

#[tokio::test]
async fn the_registry_tells_what_there_is_and_what_is_missing_and_no_value() {
    let service = Service::start().await;
    let body = service.get("/registry").await.ok();
    let ids = |list: &str| -> Vec<_> {
        let all = body[list].as_array().unwrap().iter();
        all.map(|one| (one["id"].clone(), one["configured"].clone()))
            .collect()
    };
    let expected = [("alpha", true), ("beta", true), ("gamma", false)];
    assert_eq!(
        ids("tools"),
        expected.map(|(id, is)| (json!(id), json!(is)))
    );
    let expected = [("attic", false), ("cellar", true)];
    assert_eq!(
        ids("infra"),
        expected.map(|(id, is)| (json!(id), json!(is)))
    );

    assert_eq!(
        body["tools"][1]["envKeys"],
        json!(["BETA_NUMBER", "BETA_PROFILE"])
    );
    assert_eq!(
        body["tools"][2]["faults"],
        json!(["GAMMA_TOKEN is required"])
    );
    assert_eq!(body["tools"][0]["settings"][0]["variable"], "TEST_WORLD");
    assert_eq!(
        (&body["infra"][0]["selected"], &body["infra"][1]["selected"]),
        (&json!(false), &json!(true))
    );
    assert!(
        !body.to_string().contains(&service.instances.url),
        "a setting's value"
    );
}

#[tokio::test]
async fn health_and_readiness_need_no_key_and_metrics_do() {
    let service = Service::start().await;
    let bare = async |path: &str| {
        let answer = service
            .client
            .get(format!("{}{path}", service.url))
            .send()
            .await;
        answer.unwrap().status().as_u16()
    };
    assert_eq!(bare("/healthz").await, 200);
    // The database has a second to answer it, which may be too short on a busy machine.
    eventually("it is ready", PATIENCE, async || {
        bare("/readyz").await == 200
    })
    .await;
    assert_eq!(bare("/version").await, 200);
    assert_eq!(bare("/metrics").await, 401);
    let version = service.get("/version").await.ok();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    service.get("/registry").await.ok();
    let metrics = service.get("/metrics").await.ok();
    assert!(
        metrics
            .as_str()
            .unwrap()
            .contains("agent_pool_http_requests_total"),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_registry_tells_what_the_calls_of_each_provider_came_to() {
    let service = Service::start().await;
    service
        .world
        .fail("alpha provision", ErrorKind::RateLimited, When::Before);
    service
        .create(&id(1), &["alpha"])
        .await
        .is_problem(503, "vendor_rate_limited");
    let body = service.get("/registry").await.ok();
    let alpha = &body["tools"][0]["stats"];
    assert_eq!(alpha["failures"], json!({ "rate_limited": 1 }));
    assert_eq!(alpha["calls"], 2, "its undo lists: {alpha}");
    assert_eq!(alpha["lastError"]["kind"], "rate_limited");
    assert!(
        alpha["lastError"]["message"]
            .as_str()
            .unwrap()
            .contains("as told")
    );
    assert!(
        alpha["medianMs"].is_u64() && alpha["p95Ms"].is_u64(),
        "{alpha}"
    );
    assert_eq!(
        body["tools"][1]["stats"],
        json!({ "calls": 0, "failures": {} })
    );
    assert_eq!(body["infra"][1]["stats"]["failures"], json!({}));
}
