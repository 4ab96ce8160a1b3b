//! `GET /registry` and the routes that tell about the process.

use serde_json::json;

use crate::support::Service;

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
    assert_eq!((bare("/healthz").await, bare("/readyz").await), (200, 200));
    assert_eq!(bare("/metrics").await, 401);
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
