//! Pool, as this program asks it.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{
    Affected, Condemned, DrainRequest, Events, Info, PoolStatus, ReplenishRequest, Template,
};
use reqwest::Method;

use super::{CallError, Caller};

/// How long an answer may take that only the database is asked for.
const SOON: Duration = Duration::from_secs(15);

/// The Pool API.
#[derive(Debug, Clone)]
pub(crate) struct Pool(pub(super) Caller);

impl Pool {
    pub(crate) const fn new(caller: Caller) -> Self {
        Self(caller)
    }

    pub(crate) const fn caller(&self) -> &Caller {
        &self.0
    }

    /// Counts and every instance.
    pub(crate) async fn status(&self) -> Result<PoolStatus, CallError> {
        self.get(&["status"], &[]).await
    }

    /// Its environment, version and tools.
    pub(crate) async fn info(&self) -> Result<Info, CallError> {
        self.get(&["info"], &[]).await
    }

    /// The newest moves of one instance, newest first.
    pub(crate) async fn events(&self, id: &InstanceId, limit: u16) -> Result<Events, CallError> {
        let limit = limit.to_string();
        let query = [("instanceId", id.as_str()), ("limit", &limit)];
        self.get(&["events"], &query).await
    }

    /// The catalogue of ready-made agents.
    pub(crate) async fn templates(&self) -> Result<Vec<Template>, CallError> {
        self.get(&["templates"], &[]).await
    }

    /// One of the catalogue.
    pub(crate) async fn template(&self, slug: &str) -> Result<Template, CallError> {
        self.get(&["templates", slug], &[]).await
    }

    /// Has an instance destroyed, whatever it is doing.
    pub(crate) async fn kill(&self, id: &InstanceId) -> Result<Condemned, CallError> {
        self.delete(&["instances", id.as_str()]).await
    }

    /// Has a crashed instance destroyed.
    pub(crate) async fn dismiss(&self, id: &InstanceId) -> Result<Condemned, CallError> {
        self.delete(&["crashed", id.as_str()]).await
    }

    /// Removes idle ones.
    pub(crate) async fn drain(&self, count: u32) -> Result<Affected, CallError> {
        let request = self.request(Method::POST, &["drain"], &[]);
        self.0
            .send(request.json(&DrainRequest { count }), SOON)
            .await
    }

    /// Makes so many, or as many as are missing.
    pub(crate) async fn replenish(&self, count: Option<u32>) -> Result<Affected, CallError> {
        let request = self.request(Method::POST, &["replenish"], &[]);
        let request = request.json(&ReplenishRequest { count });
        self.0.send(request, SOON).await
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, CallError> {
        self.0
            .send(self.request(Method::GET, path, query), SOON)
            .await
    }

    async fn delete(&self, path: &[&str]) -> Result<Condemned, CallError> {
        self.0
            .send(self.request(Method::DELETE, path, &[]), SOON)
            .await
    }

    pub(super) fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let path = [&["api", "pool"], path].concat();
        self.0.request_with(method, &path, query)
    }
}
