//! The runtime of an instance, as Pool asks it.

use std::time::Duration;

use agent_pool_core::Secret;
use agent_pool_core::wire::runtime::{
    HEALTH_PATH, Health, PROVISION_PATH, ProvisionRequest, Provisioned,
};
use reqwest::{Client, Method, RequestBuilder};
use url::Url;

use crate::call::{CallError, send};
use crate::services_client::below;

/// How long a health check may take. A warm instance answers at once, and a claim waits for it.
pub(crate) const HEALTH_WITHIN: Duration = Duration::from_secs(3);

/// The client of every instance's runtime.
#[derive(Debug, Clone)]
pub(crate) struct RuntimeClient {
    http: Client,
    key: Secret,
}

impl RuntimeClient {
    pub(crate) const fn new(http: Client, key: Secret) -> Self {
        Self { http, key }
    }

    /// Whether the agent at `url` can take a conversation now.
    pub(crate) async fn is_ready(&self, url: &Url, at_most: Duration) -> Result<bool, CallError> {
        let call = self.request(Method::GET, url, HEALTH_PATH);
        let health: Health = send(call, HEALTH_WITHIN.min(at_most)).await?;
        Ok(health.ready)
    }

    /// Makes the instance at `url` somebody's. Never to be repeated: a second call makes a second
    /// conversation. Slow runtimes take up to a minute, and are not to be given less.
    pub(crate) async fn provision(
        &self,
        url: &Url,
        request: &ProvisionRequest,
        at_most: Duration,
    ) -> Result<Provisioned, CallError> {
        let call = self
            .request(Method::POST, url, PROVISION_PATH)
            .json(request);
        send(call, at_most).await
    }

    fn request(&self, method: Method, url: &Url, path: &str) -> RequestBuilder {
        let path: Vec<&str> = path.split('/').collect();
        self.http
            .request(method, below(url, &path))
            .bearer_auth(self.key.expose())
    }
}
