//! Tests of vendors' webhooks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use agent_pool_service_kit::testing::eventually;
use reqwest::Method;
use serde_json::json;
use warp::Filter;

use crate::support::{PATIENCE, Service, id};

const PATH: &str = "/webhooks/cellar/the-secret-of-the-cellar";

/// A Pool that counts how often it is asked to tick.
async fn pool() -> (String, Arc<AtomicUsize>) {
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = looks.clone();
    let route = warp::path!("api" / "pool" / "reconcile")
        .and(warp::post())
        .and(warp::header::exact(
            "authorization",
            "Bearer test-key-0123456789",
        ))
        .map(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            warp::reply::json(&json!({ "ran": true }))
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(warp::serve(route).incoming(listener).run());
    (url, looks)
}

async fn notify(service: &Service, path: &str, body: &str) -> crate::support::Answer {
    service
        .send_with(
            "no-key-of-ours-0123",
            Method::POST,
            path,
            Some(body.to_owned()),
        )
        .await
}

#[tokio::test]
async fn a_notice_has_the_vendor_asked_anew_and_pool_looks_once() {
    let (pool, looks) = pool().await;
    let settings = [
        ("STATUS_LIST_MAX_AGE_MS", "600000"),
        ("POOL_URL", pool.as_str()),
    ];
    let service = Service::with(&settings).await;
    service.create(&id(1), &[]).await.ok();
    service.post("/status/batch", json!({})).await.ok();
    let lists = service.world.count("cellar list");
    service.post("/status/batch", json!({})).await.ok();
    assert_eq!(
        service.world.count("cellar list"),
        lists,
        "the list is recent"
    );
    assert_eq!(
        notify(&service, PATH, "crashed 1").await.ok(),
        json!({ "fresh": true })
    );
    assert_eq!(
        notify(&service, PATH, "crashed 1").await.ok(),
        json!({ "fresh": false })
    );
    eventually("Pool looks", PATIENCE, async || {
        looks.load(Ordering::SeqCst) == 1
    })
    .await;
    let report = service.post("/status/batch", json!({})).await.ok();
    assert_eq!(
        service.world.count("cellar list"),
        lists + 1,
        "it is asked anew"
    );
    assert_eq!(
        report.as_object().unwrap().len(),
        1,
        "a notice alone ends nothing"
    );
}

#[tokio::test]
async fn a_wrong_secret_and_a_provider_without_webhooks_are_told_nothing() {
    let service = Service::start().await;
    for path in [
        "/webhooks/cellar/the-secret-of-another",
        "/webhooks/nowhere/the-secret-of-the-cellar",
        "/webhooks/cellar",
    ] {
        notify(&service, path, "x")
            .await
            .is_problem(404, "unknown_route");
    }
}

#[tokio::test]
async fn a_notice_that_the_database_cannot_store_is_refused() {
    let service = Service::start().await;
    notify(&service, PATH, "crashed \0")
        .await
        .is_problem(400, "invalid_field");
}

#[tokio::test]
async fn a_notice_is_recognised_by_every_replica_and_lists_may_be_older_once_one_has_come() {
    let settings = [
        ("STATUS_LIST_MAX_AGE_MS", "0"),
        ("NOTIFIED_LIST_MAX_AGE_MS", "600000"),
    ];
    let service = Service::with(&settings).await;
    service.create(&id(1), &[]).await.ok();
    let look = async || {
        let before = service.world.count("cellar list");
        service.post("/status/batch", json!({})).await.ok();
        service.world.count("cellar list") - before
    };
    assert_eq!((look().await, look().await), (1, 1), "no webhook has come");
    let other = service.replica_with(&settings).await;
    let tell_other = async |body: &'static str| {
        let sent = service.client.post(format!("{other}{PATH}")).body(body);
        let answer = sent.send().await.unwrap();
        answer.json::<serde_json::Value>().await.unwrap()
    };
    assert_eq!(tell_other("crashed 1").await, json!({ "fresh": true }));
    let again = notify(&service, PATH, "crashed 1").await.ok();
    assert_eq!(again, json!({ "fresh": false }));
    assert_eq!(look().await, 1, "the list is older than the webhook");
    // The age of the webhook is a moment old when it is compared, so the list must be younger by more than that.
    eventually("the list is young enough", PATIENCE, async || {
        look().await == 0
    })
    .await;
    assert_eq!(tell_other("crashed 2").await, json!({ "fresh": true }));
    assert_eq!(look().await, 1, "another replica heard of a change");
}
