//! AgentMail's rules, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not know as such"
)]

mod common;

use common::start;
use fake_cloud::{AfterDelete, Options};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_repeated_client_id_returns_the_original() {
    let api = start(Options::default()).await;
    let first = api
        .agentmail(
            "POST",
            "/inboxes",
            json!({"username": "one", "client_id": "c-1"}),
        )
        .await;
    assert_eq!(first.1["inbox_id"], "one@agentmail.to");
    let again = api
        .agentmail(
            "POST",
            "/inboxes",
            json!({"username": "two", "client_id": "c-1"}),
        )
        .await;
    assert_eq!(first, again);
    assert_eq!(api.cloud.state().agentmail.inboxes.len(), 1);
}

#[tokio::test]
async fn a_client_id_of_a_deleted_inbox_follows_the_option() {
    for (after_delete, status, inboxes) in [
        (AfterDelete::Forget, 200, 1),
        (AfterDelete::Replay, 200, 0),
        (AfterDelete::Conflict, 403, 0),
    ] {
        let mut options = Options::default();
        options.agentmail.after_delete = after_delete;
        let api = start(options).await;
        let body = json!({"username": "one", "client_id": "c-1"});
        api.agentmail("POST", "/inboxes", body.clone()).await;
        assert_eq!(
            api.agentmail("DELETE", "/inboxes/one%40agentmail.to", Value::Null)
                .await
                .0,
            204
        );
        assert_eq!(
            api.agentmail("DELETE", "/inboxes/one%40agentmail.to", Value::Null)
                .await
                .0,
            404
        );
        assert_eq!(
            api.agentmail("POST", "/inboxes", body).await.0,
            status,
            "{after_delete:?}"
        );
        assert_eq!(
            api.cloud.state().agentmail.inboxes.len(),
            inboxes,
            "{after_delete:?}"
        );
    }
}

#[tokio::test]
async fn refusals_have_the_vendors_status_and_code() {
    let mut options = Options::default();
    options.agentmail.inbox_limit = 1;
    options.agentmail.unverified_domains = vec!["new.example".into()];
    let api = start(options).await;
    api.agentmail("POST", "/inboxes", json!({"username": "taken"}))
        .await;
    for (body, status, code) in [
        (json!({"username": "taken"}), 403, "resource_taken"),
        (json!({"username": "free"}), 403, "limit_exceeded"),
        (json!({"domain": "new.example"}), 403, "domain_not_verified"),
        (json!({"domain": "else.example"}), 422, "unprocessable"),
        (json!({"client_id": "with@at"}), 400, "validation_error"),
        (json!({"metadata": {"deep": {}}}), 400, "validation_error"),
        (json!({"nonsense": 1}), 400, "validation_error"),
    ] {
        let (got, answer) = api.agentmail("POST", "/inboxes", body.clone()).await;
        assert_eq!(
            (got, answer["code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
        assert_eq!(status == 400, answer["errors"][0]["path"].is_array());
    }
}

#[tokio::test]
async fn pages_follow_their_token_newest_first() {
    let api = start(Options::default()).await;
    for name in ["a", "b", "c"] {
        api.agentmail("POST", "/inboxes", json!({"username": name}))
            .await;
    }
    let (_, first) = api.agentmail("GET", "/inboxes?limit=2", Value::Null).await;
    assert_eq!(
        (&first["count"], &first["inboxes"][0]["email"]),
        (&json!(2), &json!("c@agentmail.to"))
    );
    let path = format!(
        "/inboxes?limit=2&page_token={}",
        first["next_page_token"].as_str().unwrap()
    );
    let (_, second) = api.agentmail("GET", &path, Value::Null).await;
    assert_eq!(second["inboxes"][0]["email"], "a@agentmail.to");
    assert!(second.get("next_page_token").is_none());
    assert_eq!(
        api.agentmail("GET", "/inboxes?page_token=bad", Value::Null)
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_key_of_one_inbox_reaches_that_inbox_and_dies_with_it() {
    let api = start(Options::default()).await;
    for name in ["own", "other"] {
        api.agentmail("POST", "/inboxes", json!({"username": name}))
            .await;
    }
    let (_, key) = api
        .agentmail("POST", "/inboxes/own%40agentmail.to/api-keys", json!({}))
        .await;
    let key = key["api_key"].as_str().unwrap().to_owned();
    let get = |path: &str| {
        api.send(
            Method::GET,
            api.cloud.agentmail_url() + "/v0" + path,
            &key,
            None,
        )
    };
    for (path, status) in [
        ("/inboxes/own%40agentmail.to", 200),
        ("/inboxes/other%40agentmail.to", 404),
        ("/auth/me", 200),
        ("/organizations", 403),
    ] {
        assert_eq!(get(path).await.status().as_u16(), status, "{path}");
    }
    api.agentmail("DELETE", "/inboxes/own%40agentmail.to", Value::Null)
        .await;
    let refused = get("/auth/me").await;
    assert_eq!(refused.status(), 403);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(
        body,
        json!({"message": "Forbidden"}),
        "the gateway has no codes"
    );
}

#[tokio::test]
async fn metadata_merges_and_null_clears() {
    let api = start(Options::default()).await;
    api.agentmail(
        "POST",
        "/inboxes",
        json!({"username": "one", "metadata": {"a": 1, "b": 2}}),
    )
    .await;
    let path = "/inboxes/one%40agentmail.to";
    for (patch, status, kept) in [
        (
            json!({"metadata": {"a": null, "c": "x"}}),
            200,
            json!({"b": 2, "c": "x"}),
        ),
        (json!({"metadata": {}}), 400, json!({"b": 2, "c": "x"})),
        (json!({"metadata": null}), 200, Value::Null),
    ] {
        assert_eq!(api.agentmail("PATCH", path, patch).await.0, status);
        assert_eq!(json!(api.cloud.state().agentmail.inboxes[0].metadata), kept);
    }
}
