//! A cloud and a client for tests.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::time::Duration;

use fake_cloud::{FakeCloud, Options};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(crate) struct Api {
    pub(crate) cloud: FakeCloud,
    client: reqwest::Client,
}

pub(crate) async fn start(options: Options) -> Api {
    let client = agent_pool_core::http::bare_builder()
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build();
    Api {
        cloud: FakeCloud::start(options).await.unwrap(),
        client: client.unwrap(),
    }
}

impl Api {
    pub(crate) async fn send(
        &self,
        method: Method,
        url: String,
        key: &str,
        body: Option<Value>,
    ) -> Response {
        self.try_send(method, url, key, body).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        method: Method,
        url: String,
        key: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Response> {
        let request = self.client.request(method, url).bearer_auth(key);
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    async fn rest(&self, method: &str, url: String, key: &str, body: Value) -> (u16, Value) {
        let method = method.parse().unwrap();
        let response = self
            .send(method, url, key, Some(body).filter(|body| !body.is_null()))
            .await;
        (
            response.status().as_u16(),
            response.json().await.unwrap_or_default(),
        )
    }

    pub(crate) async fn openrouter(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = &self.cloud.options().openrouter.management_keys[0];
        self.rest(method, self.cloud.openrouter_url() + path, key, body)
            .await
    }

    pub(crate) async fn agentmail(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = &self.cloud.options().agentmail.api_keys[0];
        self.rest(method, self.cloud.agentmail_url() + "/v0" + path, key, body)
            .await
    }

    pub(crate) async fn telnyx(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let key = &self.cloud.options().telnyx.api_keys[0];
        self.rest(method, self.cloud.telnyx_url() + path, key, body)
            .await
    }

    pub(crate) async fn graphql(&self, query: &str, variables: Value) -> (u16, Value) {
        let token = self.cloud.options().railway.tokens.workspace.clone();
        let body = json!({"query": query, "variables": variables});
        self.rest("POST", self.cloud.railway_url(), &token, body)
            .await
    }

    /// The data of a GraphQL request that must succeed.
    pub(crate) async fn railway(&self, query: &str, variables: Value) -> Value {
        let (status, mut body) = self.graphql(query, variables).await;
        assert!(status == 200 && body["errors"].is_null(), "{status} {body}");
        body["data"].take()
    }

    /// The message of a GraphQL request that must be refused under HTTP 200.
    pub(crate) async fn refusal(&self, query: &str, variables: Value) -> String {
        let (status, body) = self.graphql(query, variables).await;
        assert_eq!(status, 200, "{body}");
        body["errors"][0]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) async fn create_service(&self, name: &str) -> String {
        let input = json!({
            "projectId": self.cloud.railway_project_id(),
            "environmentId": self.cloud.railway_environment_id(), "name": name,
        });
        let data = self.railway(SERVICE_CREATE, json!({"input": input})).await;
        data["serviceCreate"]["id"].as_str().unwrap().to_owned()
    }

    /// Commits image and variables of one service.
    pub(crate) async fn patch(&self, service: &str, block: Value) -> String {
        let patch = json!({"services": {service: block}});
        let environment = self.cloud.railway_environment_id();
        let query = "mutation($e: String!, $p: EnvironmentConfig!) { environmentPatchCommit(environmentId: $e, patch: $p) }";
        self.railway(query, json!({"e": environment, "p": patch}))
            .await
            .to_string()
    }

    /// Reads an instance; each read advances its deployments by one stage.
    pub(crate) async fn instance(&self, service: &str) -> Value {
        let query =
            "query($s: String!, $e: String!) { serviceInstance(serviceId: $s, environmentId: $e) {
            latestDeployment { id status } domains { serviceDomains { domain } } } }";
        let ids = json!({"s": service, "e": self.cloud.railway_environment_id()});
        self.railway(query, ids).await["serviceInstance"].take()
    }
}

/// Asserts that a header states the rest of a window of `length` seconds, rounded up. The window began after `begun`.
pub(crate) fn assert_states_the_rest(
    answer: &Response,
    header: &str,
    length: u128,
    begun: Instant,
) {
    let stated = answer.headers()[header].to_str().unwrap();
    let stated: u128 = stated.parse().unwrap();
    let passed = begun.elapsed().as_millis() + 1;
    let least = (length * 1_000 - passed).div_ceil(1_000);
    assert!((least..=length).contains(&stated), "{header}: {stated}");
}

pub(crate) const SERVICE_CREATE: &str =
    "mutation($input: ServiceCreateInput!) { serviceCreate(input: $input) { id name } }";
