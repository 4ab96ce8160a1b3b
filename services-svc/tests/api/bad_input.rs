//! Tests of invalid requests.

use reqwest::Method;
use serde_json::json;

use crate::support::{Service, id};

#[tokio::test]
async fn a_wrong_or_missing_key_is_401_on_every_route_and_an_older_key_passes() {
    // A source of many wrong keys is held back, so each service gets a part of them.
    let services = [Service::start().await, Service::start().await];
    let service = &services[0];
    let path = format!("{}/x", id(1));
    let routes = [
        (Method::POST, "/create-instance".to_owned()),
        (Method::POST, "/provision-local".to_owned()),
        (Method::POST, "/status/batch".to_owned()),
        (Method::POST, "/sweep".to_owned()),
        (Method::GET, "/sweep".to_owned()),
        (Method::GET, "/registry".to_owned()),
        (Method::GET, format!("/instances/{}", id(1))),
        (Method::DELETE, format!("/destroy/{}", id(1))),
        (Method::POST, format!("/configure/{}", id(1))),
        (Method::POST, format!("/redeploy/{}", id(1))),
        (Method::GET, format!("/logs/{}", id(1))),
        (Method::POST, format!("/provision/{path}")),
        (Method::DELETE, format!("/destroy/{path}/y")),
    ];
    for (index, (method, path)) in routes.into_iter().enumerate() {
        let service = &services[index % 2];
        let request = || {
            service
                .client
                .request(method.clone(), format!("{}{path}", service.url))
        };
        for request in [request(), request().bearer_auth("wrong")] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{path}");
            assert!(answer.headers().contains_key("www-authenticate"), "{path}");
        }
    }
    let registry = service.client.get(format!("{}/registry", service.url));
    assert_eq!(
        registry
            .bearer_auth("old-key-0123456789")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn a_bad_body_is_a_problem_that_names_the_field() {
    let service = Service::start().await;
    let post = async |body: String| {
        service
            .send(Method::POST, "/create-instance", Some(body))
            .await
    };
    post("{".to_owned()).await.is_problem(400, "malformed_json");
    for (body, field) in [
        (
            json!({ "instanceId": id(1), "name": "n", "tools": [1] }),
            "tools[0]",
        ),
        (
            json!({ "instanceId": id(1), "name": "n", "tools": ["A tool"] }),
            "tools[0]",
        ),
        (json!({ "instanceId": "short", "name": "n" }), "instanceId"),
        (json!({ "instanceId": id(1) }), "name"),
        (
            json!({ "instanceId": id(1), "name": "n", "variables": { "A": 1 } }),
            "variables.A",
        ),
    ] {
        let answer = post(body.to_string()).await;
        assert_eq!(
            answer.is_problem(400, "invalid_field").body["field"],
            field,
            "{answer:?}"
        );
    }
    let batch = json!({ "instanceIds": [id(1), 7] });
    let answer = service.post("/status/batch", batch).await;
    assert_eq!(
        answer.is_problem(400, "invalid_field").body["field"],
        "instanceIds[1]"
    );
    let answer = service
        .post(&format!("/configure/{}", id(1)), json!({}))
        .await;
    assert_eq!(
        answer.is_problem(400, "invalid_field").body["field"],
        "variables"
    );
    assert!(service.world.state().calls.is_empty());
}

#[tokio::test]
async fn a_body_over_256_kib_is_413() {
    let service = Service::start().await;
    let body = json!({ "instanceId": id(1), "name": "x".repeat(256 * 1024) });
    service
        .post("/create-instance", body)
        .await
        .is_problem(413, "body_too_large");
}

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let service = Service::start().await;
    service
        .get("/nosuch")
        .await
        .is_problem(404, "unknown_route");
    service
        .delete("/destroy/not-an-id")
        .await
        .is_problem(404, "unknown_route");
    let answer = service.get("/create-instance").await;
    answer.is_problem(405, "method_not_allowed");
    assert_eq!(answer.headers["allow"], "POST");
    service
        .get(&format!("/destroy/{}", id(1)))
        .await
        .is_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_client_that_asks_for_problem_json_gets_it() {
    let service = Service::start().await;
    let request = service.client.get(format!("{}/nosuch", service.url));
    let answer = request
        .header("accept", "application/problem+json")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}
