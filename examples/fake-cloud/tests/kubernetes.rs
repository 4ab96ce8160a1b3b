//! The fake API server is as strict as a real one.

#![cfg(test)]

use fake_cloud::kubernetes::{ClusterOptions, FakeCluster};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const SECRETS: &str = "/api/v1/namespaces/agents/secrets";

struct Api {
    cluster: FakeCluster,
    http: reqwest::Client,
    token: String,
}

impl Api {
    async fn start() -> Self {
        let options = ClusterOptions::default();
        Self {
            token: options.token.clone(),
            cluster: FakeCluster::start(options).await.unwrap(),
            http: agent_pool_core::http::bare_builder()
                .no_proxy()
                .build()
                .unwrap(),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.cluster.authority());
        let request = self.http.request(method, url).bearer_auth(&self.token);
        let request = request.header("content-type", media).body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, response.json().await.unwrap_or_default())
    }

    /// Applies a Secret with these members besides its identity.
    async fn apply(&self, query: &str, members: &Value) -> (StatusCode, Value) {
        let mut body =
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "one" } });
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.send(
            Method::PATCH,
            &format!("{SECRETS}/one?{query}"),
            APPLY,
            &body,
        )
        .await
    }

    async fn get(&self) -> (StatusCode, Value) {
        self.send(
            Method::GET,
            &format!("{SECRETS}/one"),
            "application/json",
            &json!(null),
        )
        .await
    }
}

#[tokio::test]
async fn an_apply_without_a_field_manager_is_refused() {
    let api = Api::start().await;
    let (status, body) = api.apply("force=true", &json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        body["message"].as_str().unwrap().contains("fieldManager"),
        "{body}"
    );
}

#[tokio::test]
async fn a_field_that_a_manager_no_longer_applies_is_removed_and_others_stay() {
    let api = Api::start().await;
    let both = json!({ "data": { "a": "YQ==", "b": "Yg==" } });
    assert_eq!(
        api.apply("fieldManager=me", &both).await.0,
        StatusCode::CREATED
    );
    let patch = json!({ "data": { "c": "Yw==" } });
    let path = format!("{SECRETS}/one?fieldManager=me");
    assert_eq!(
        api.send(Method::PATCH, &path, MERGE, &patch).await.0,
        StatusCode::OK
    );
    let (_, secret) = api
        .apply("fieldManager=me", &json!({ "data": { "a": "YQ==" } }))
        .await;
    assert_eq!(secret["data"], json!({ "a": "YQ==", "c": "Yw==" }));
}

#[tokio::test]
async fn a_field_of_another_manager_is_a_conflict_unless_forced() {
    let api = Api::start().await;
    api.apply("fieldManager=other", &json!({ "data": { "a": "YQ==" } }))
        .await;
    let mine = json!({ "data": { "a": "Yg==" } });
    let (status, body) = api.apply("fieldManager=me", &mine).await;
    assert_eq!(
        (status, &body["reason"]),
        (StatusCode::CONFLICT, &json!("Conflict"))
    );
    let (status, secret) = api.apply("fieldManager=me&force=true", &mine).await;
    assert_eq!(
        (status, &secret["data"]["a"]),
        (StatusCode::OK, &json!("Yg=="))
    );
}

#[tokio::test]
async fn a_change_of_an_old_version_is_a_conflict_and_no_change_keeps_the_version() {
    let api = Api::start().await;
    let data = json!({ "data": { "a": "YQ==" } });
    let (_, first) = api.apply("fieldManager=me", &data).await;
    let version = first["metadata"]["resourceVersion"].clone();
    let (_, same) = api.apply("fieldManager=me", &data).await;
    assert_eq!(same["metadata"]["resourceVersion"], version);
    let (_, other) = api
        .apply("fieldManager=me", &json!({ "data": { "a": "Yg==" } }))
        .await;
    assert_ne!(other["metadata"]["resourceVersion"], version);
    let old = json!({ "metadata": { "name": "one", "resourceVersion": version } });
    assert_eq!(
        api.apply("fieldManager=me", &old).await.0,
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn what_the_schema_or_a_rule_forbids_is_refused_and_noted() {
    let api = Api::start().await;
    for wrong in [
        json!({ "dta": {} }),
        json!({ "data": { "a": "no base64!" } }),
        json!({ "metadata": { "name": "one", "labels": { "mark": "ends-with-" } } }),
        json!({ "type": 1 }),
    ] {
        let (status, _) = api.apply("fieldManager=me", &wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(api.cluster.faults().len(), 4);
    assert_eq!(api.get().await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_finalizer_keeps_what_is_being_deleted() {
    let api = Api::start().await;
    let held = json!({ "metadata": { "name": "one", "finalizers": ["example.com/hold"] } });
    api.apply("fieldManager=me", &held).await;
    let path = format!("{SECRETS}/one");
    let json_type = "application/json";
    assert_eq!(
        api.send(Method::DELETE, &path, json_type, &json!({}))
            .await
            .0,
        StatusCode::OK
    );
    api.cluster.settle();
    let (_, secret) = api.get().await;
    assert!(
        secret["metadata"]["deletionTimestamp"].is_string(),
        "{secret}"
    );
    api.send(
        Method::PATCH,
        &path,
        MERGE,
        &json!({ "metadata": { "finalizers": null } }),
    )
    .await;
    api.cluster.settle();
    assert_eq!(api.get().await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_owned_goes_some_time_after_its_owner() {
    let api = Api::start().await;
    let owner = |uid: &str| json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "set", "uid": uid }]);
    api.cluster.add(
        "statefulsets",
        json!({ "metadata": { "name": "set" }, "spec": { "replicas": 0 } }),
    );
    let uid = api.cluster.objects("statefulsets")[0]["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    let owned = json!({ "metadata": { "name": "one", "ownerReferences": owner(&uid) } });
    api.apply("fieldManager=me", &owned).await;
    api.cluster.settle();
    assert_eq!(api.get().await.0, StatusCode::OK);
    let path = "/apis/apps/v1/namespaces/agents/statefulsets/set";
    api.send(
        Method::DELETE,
        path,
        "application/json",
        &json!({ "propagationPolicy": "Background" }),
    )
    .await;
    api.cluster.settle();
    assert_eq!(api.get().await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn another_token_is_refused_and_a_stray_request_is_noted() {
    let api = Api::start().await;
    let url = format!("http://{}{SECRETS}", api.cluster.authority());
    let refused = api
        .http
        .get(&url)
        .bearer_auth("wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let (status, _) = api
        .send(
            Method::GET,
            "/api/v1/nodes",
            "application/json",
            &json!(null),
        )
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(api.cluster.faults().len(), 1);
}
