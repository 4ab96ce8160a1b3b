//! Tests of the limits that apply to every caller, and of the keys by purpose.

use reqwest::Method;
use serde_json::json;

use crate::support::{KEY, Service, creation, id};

#[tokio::test]
async fn no_more_instances_are_made_than_allowed_however_many_are_asked_for_at_once() {
    let service = Service::with(&[("SERVICES_MAX_INSTANCES", "3")]).await;
    let ids: Vec<String> = (1..=8).map(id).collect();
    let creations = ids.iter().map(|id| service.create(id, &["alpha"]));
    let answers = futures_util::future::join_all(creations).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(made.len(), 3);
    for answer in refused {
        answer.is_problem(409, "instance_limit");
        assert!(
            answer.detail().contains("SERVICES_MAX_INSTANCES"),
            "{answer:?}"
        );
    }
    assert_eq!(service.world.count("cellar create"), 3);
    assert_eq!(service.rows().await, (3, 3));
    // An existing instance is answered again, and its place is free once it is destroyed.
    let body = service.post("/status/batch", json!({})).await.ok();
    let existing = body.as_object().unwrap().keys().next().unwrap().clone();
    service.create(&existing, &["alpha"]).await.ok();
    service.delete(&format!("/destroy/{existing}")).await.ok();
    service.create(&id(9), &["alpha"]).await.ok();
}

#[tokio::test]
async fn no_more_local_grants_are_made_than_allowed() {
    let at_once = [("LOCAL_GRANT_MAX", "2")];
    let in_an_hour = [("LOCAL_GRANTS_PER_HOUR", "2")];
    for setting in [at_once, in_an_hour] {
        let service = Service::with(&setting).await;
        let body = json!({ "tools": ["alpha"] });
        let grants = (0..6).map(|_| service.post("/provision-local", body.clone()));
        let answers = futures_util::future::join_all(grants).await;
        let (made, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((made.len(), service.world.count("alpha provision")), (2, 2));
        for answer in refused {
            answer.is_problem(429, "grant_limit");
            assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn only_an_image_of_the_settings_is_run() {
    let service = Service::start().await;
    let mut foreign = creation(&id(1), &[]);
    foreign["image"] = json!("evil:1");
    let answer = service.post("/create-instance", foreign).await;
    answer.is_problem(422, "image_not_allowed");
    assert!(answer.detail().contains("ALLOWED_IMAGES"), "{answer:?}");
    assert_eq!(
        (service.rows().await, service.world.is_empty()),
        ((0, 0), true)
    );
    service.create(&id(1), &[]).await.ok();
}

#[tokio::test]
async fn each_key_opens_its_purpose() {
    let service = Service::with(&[
        ("SERVICES_API_KEY", "pool-key-0123456789"),
        ("SERVICES_OPERATOR_KEY", KEY),
        ("SERVICES_GRANT_KEY", "developer-key-0123"),
        ("SERVICES_READER_KEY", "reader-key-0123456"),
    ])
    .await;
    let ask = async |key: &str, method: Method, path: &str, body: &str| {
        let answer = service.send_with(key, method, path, Some(body.to_owned()));
        answer.await.status
    };
    let create = creation(&id(1), &[]).to_string();
    let tools = json!({ "tools": ["alpha"] }).to_string();
    for (key, read, make, grant) in [
        ("reader-key-0123456", 200, 401, 401),
        ("developer-key-0123", 401, 401, 200),
        ("pool-key-0123456789", 200, 200, 401),
    ] {
        assert_eq!(ask(key, Method::GET, "/registry", "").await, read, "{key}");
        assert_eq!(
            ask(key, Method::POST, "/create-instance", &create).await,
            make,
            "{key}"
        );
        assert_eq!(
            ask(key, Method::POST, "/provision-local", &tools).await,
            grant,
            "{key}"
        );
    }
    // A developer can return a grant, but not destroy an instance.
    let made = service.send_with(
        "developer-key-0123",
        Method::POST,
        "/provision-local",
        Some(tools),
    );
    let made = made.await.ok();
    let grant = made["instanceId"].as_str().unwrap();
    for (id, status) in [(grant, 200), (&*id(1), 404)] {
        let path = format!("/provision-local/{id}");
        assert_eq!(
            ask("developer-key-0123", Method::DELETE, &path, "").await,
            status,
            "{id}"
        );
    }
    assert_eq!(service.rows().await.0, 1);
}
