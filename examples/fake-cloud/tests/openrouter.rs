//! OpenRouter's rules, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not know as such"
)]

mod common;

use common::{assert_states_the_rest, start};
use fake_cloud::{Options, RateLimit, Vendor};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

#[tokio::test]
async fn a_secret_is_shown_once_and_names_are_not_unique() {
    let api = start(Options::default()).await;
    let mut hashes = Vec::new();
    for _ in 0..2 {
        let (status, body) = api
            .openrouter("POST", "/keys", json!({"name": "same", "limit": 5}))
            .await;
        assert_eq!(status, 201);
        assert!(body["key"].as_str().unwrap().starts_with("sk-or-v1-"));
        hashes.push(body["data"]["hash"].as_str().unwrap().to_owned());
    }
    assert_ne!(hashes[0], hashes[1]);
    let (_, body) = api
        .openrouter("GET", &format!("/keys/{}", hashes[0]), Value::Null)
        .await;
    assert!(body.get("key").is_none() && body["data"].get("key").is_none());
}

#[tokio::test]
async fn the_list_is_of_one_workspace_newest_first_and_without_disabled_keys() {
    let mut options = Options::default();
    options.openrouter.page_size = 2;
    let api = start(options).await;
    let (_, other) = api
        .openrouter(
            "POST",
            "/workspaces",
            json!({"name": "Other", "slug": "other"}),
        )
        .await;
    let other = other["data"]["id"].as_str().unwrap().to_owned();
    for (name, space) in [
        ("a", None),
        ("b", None),
        ("c", None),
        ("elsewhere", Some(&other)),
    ] {
        let mut body = json!({"name": name});
        if let Some(space) = space {
            body["workspace_id"] = space.as_str().into();
        }
        api.openrouter("POST", "/keys", body).await;
    }
    let b = api.cloud.state().openrouter.keys[1].hash.clone();
    api.openrouter("PATCH", &format!("/keys/{b}"), json!({"disabled": true}))
        .await;
    for (query, names) in [
        ("", vec!["c", "a"]),
        ("?include_disabled=true", vec!["c", "b"]),
        ("?include_disabled=true&offset=2", vec!["a"]),
        ("?include_disabled=true&offset=3", vec![]),
        (&format!("?workspace_id={other}"), vec!["elsewhere"]),
    ] {
        let (_, body) = api
            .openrouter("GET", &format!("/keys{query}"), Value::Null)
            .await;
        let listed: Vec<_> = body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| &key["name"])
            .collect();
        assert_eq!(listed, names, "{query}");
    }
}

#[tokio::test]
async fn a_deleted_key_is_not_found_and_limits_change() {
    let api = start(Options::default()).await;
    let (_, body) = api
        .openrouter(
            "POST",
            "/keys",
            json!({"name": "k", "limit": 5, "limit_reset": "daily"}),
        )
        .await;
    let path = format!("/keys/{}", body["data"]["hash"].as_str().unwrap());
    let (_, body) = api
        .openrouter("PATCH", &path, json!({"limit": 9, "limit_reset": null}))
        .await;
    assert_eq!(
        (&body["data"]["limit"], &body["data"]["limit_reset"]),
        (&json!(9.0), &Value::Null)
    );
    assert_eq!(
        api.openrouter("DELETE", &path, Value::Null).await,
        (200, json!({"deleted": true}))
    );
    let (status, body) = api.openrouter("DELETE", &path, Value::Null).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!(404)));
}

#[tokio::test]
async fn bad_bodies_are_400_and_unknown_members_are_on_record() {
    let api = start(Options::default()).await;
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "k", "limit_reset": "hourly"}),
        json!({"name": "k", "expires_at": "2030-01-01T00:00:00+02:00"}),
        json!({"name": "k", "workspace_id": "nowhere"}),
        json!({"name": "k", "nonsense": 1}),
    ] {
        assert_eq!(
            api.openrouter("POST", "/keys", body.clone()).await.0,
            400,
            "{body}"
        );
    }
    assert_eq!(api.openrouter("GET", "/nonsense", Value::Null).await.0, 404);
    assert_eq!(
        api.openrouter("GET", "/keys?nonsense=1", Value::Null)
            .await
            .0,
        400
    );
    assert_eq!(api.openrouter("PUT", "/keys", Value::Null).await.0, 405);
    assert_eq!(api.cloud.unexpected().len(), 4);
}

#[tokio::test]
async fn an_ordinary_key_only_describes_itself() {
    let api = start(Options::default()).await;
    api.openrouter("POST", "/keys", json!({"name": "k", "limit": 5}))
        .await;
    let key = api.cloud.state().openrouter.keys[0].clone();
    api.cloud.spend(&key.hash, 2.0);
    let get = |path: &str| {
        api.send(
            Method::GET,
            api.cloud.openrouter_url() + path,
            &key.secret,
            None,
        )
    };
    let body: Value = get("/key").await.json().await.unwrap();
    assert_eq!(
        (&body["data"]["usage"], &body["data"]["limit_remaining"]),
        (&json!(2.0), &json!(3.0))
    );
    assert_eq!(get("/credits").await.status(), 403);
    assert_eq!(get("/keys").await.status(), 401);
}

#[tokio::test]
async fn budget_headers_come_with_429_alone() {
    let api = start(Options::default()).await;
    let begun = Instant::now();
    api.cloud.set_rate_limit(
        Vendor::OpenRouter,
        Some(RateLimit {
            requests: 1,
            window_ms: 3_600_000,
        }),
    );
    let key = api.cloud.options().openrouter.management_keys[0].clone();
    let get = || {
        api.send(
            Method::GET,
            api.cloud.openrouter_url() + "/credits",
            &key,
            None,
        )
    };
    let first = get().await;
    assert!(first.status() == 200 && !first.headers().contains_key("x-ratelimit-limit"));
    let second = get().await;
    assert_eq!(second.status(), 429);
    assert_states_the_rest(&second, "retry-after", 3_600, begun);
    assert_eq!(second.headers()["x-ratelimit-limit"], "1");
}
