//! Who asks the two services from outside: a client of their APIs.

use std::time::Duration;

use agent_pool_core::wire::pool::Claimed;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use crate::settings::KEY;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of both services.
#[derive(Debug, Clone)]
pub(crate) struct Client(reqwest::Client);

/// A claim, as a client words it.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) agent: String,
    /// `Idempotency-Key`
    pub(crate) key: Option<String>,
    /// `?wait=SECONDS`
    pub(crate) wait: Option<u64>,
}

impl Client {
    pub(crate) const fn new(http: reqwest::Client) -> Self {
        Self(http)
    }

    /// Sends a request with a body, and answers that of a success.
    pub(crate) async fn ask(
        &self,
        service: &Url,
        method: Method,
        path: &str,
        body: Value,
    ) -> anyhow::Result<Value> {
        let request = self.0.request(method, service.join(path)?).json(&body);
        send(request).await
    }

    /// `POST /api/pool/claim`
    pub(crate) async fn claim(&self, pool: &Url, wish: &Wish) -> anyhow::Result<Claimed> {
        let Wish { agent, key, wait } = wish;
        let mut url = pool.join("api/pool/claim")?;
        if let Some(seconds) = wait {
            url.query_pairs_mut()
                .append_pair("wait", &seconds.to_string());
        }
        let body = serde_json::json!({"agentName": agent, "instructions": "Be broken."});
        let mut request = self.0.post(url).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        Ok(serde_json::from_value(send(request).await?)?)
    }
}

async fn send(request: RequestBuilder) -> anyhow::Result<Value> {
    let response = request
        .bearer_auth(KEY)
        .timeout(PATIENCE)
        .send()
        .await
        .map_err(unheard)?;
    let status = response.status();
    let body = response.bytes().await.map_err(unheard)?;
    if !status.is_success() {
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or("without a code");
        return Err(anyhow::anyhow!("{}", problem["detail"]).context(format!("{status} {code}")));
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_slice(&body)?)
}

/// A request without an answer, in the same words each time: its URL and its cause are below.
fn unheard(error: reqwest::Error) -> anyhow::Error {
    anyhow::Error::new(error).context("no answer")
}
