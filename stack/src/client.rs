//! Calls to the two services.

use std::time::Duration;

use agent_pool_core::wire::pool::{ClaimRequest, Claimed, PoolStatus};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{Done, StatusBatch, StatusBatchRequest};
use agent_pool_core::{InstanceId, Secret};
use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

/// A client of both services.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    key: Secret,
}

impl Client {
    pub(crate) fn new(key: Secret) -> anyhow::Result<Self> {
        let http = agent_pool_core::http::bare_builder()
            .timeout(Duration::from_secs(90))
            .build()?;
        Ok(Self { http, key })
    }

    /// `GET /api/pool/status`.
    pub(crate) async fn pool_status(&self, pool: &Url) -> anyhow::Result<PoolStatus> {
        self.send(self.http.get(pool.join("api/pool/status")?))
            .await
    }

    /// `POST /api/pool/claim`.
    pub(crate) async fn claim(&self, pool: &Url, claim: &ClaimRequest) -> anyhow::Result<Claimed> {
        self.post(pool.join("api/pool/claim")?, claim).await
    }

    /// `POST /status/batch` for every instance.
    pub(crate) async fn statuses(&self, services: &Url) -> anyhow::Result<StatusBatch> {
        self.post(
            services.join("status/batch")?,
            &StatusBatchRequest::default(),
        )
        .await
    }

    /// `POST /redeploy/:instanceId`.
    pub(crate) async fn redeploy(&self, services: &Url, id: &InstanceId) -> anyhow::Result<Done> {
        self.post(
            services.join(&format!("redeploy/{id}"))?,
            &serde_json::json!({}),
        )
        .await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        url: Url,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.send(self.http.post(url).json(body)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let response = request.bearer_auth(self.key.expose()).send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        if status.is_success() {
            return serde_json::from_slice(&body).context("unexpected response body");
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(problem.into()),
            Err(_) => anyhow::bail!("unexpected status {status}"),
        }
    }
}
