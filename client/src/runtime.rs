use std::time::Duration;

use agent_pool_core::Secret;
use agent_pool_core::wire::runtime::{
    HEALTH_PATH, Health, PROVISION_PATH, ProvisionRequest, Provisioned, RESET_PATH, VARIABLES_PATH,
    Variables,
};
use url::Url;

use crate::call::{Api, Limits, Texts};
use crate::{CallError, Http};

/// Time limit for the health check of an instance while a claim waits for it. A warm instance answers at once.
pub const HEALTH_WITHIN: Duration = Duration::from_secs(3);

/// An instance runs foreign code.
const LIMITS: Limits = Limits {
    answer: 64 * 1024,
    detail: 300,
    texts: Texts::AsSent,
};

/// The runtimes of all instances. Each has its own address and key.
#[derive(Debug, Clone)]
pub struct Runtime(Http);

impl Runtime {
    /// Calls through `http`.
    #[must_use]
    pub fn new(http: &Http) -> Self {
        Self(http.clone())
    }

    /// `GET /pool/health`: whether the instance at `url` can become an agent now.
    ///
    /// # Errors
    /// Every [`CallError`]: an instance without this answer is not healthy.
    pub async fn is_ready(
        &self,
        url: &Url,
        key: &Secret,
        within: Duration,
    ) -> Result<bool, CallError> {
        Ok(self.health(url, key, within).await?.ready)
    }

    /// `GET /pool/health`: the state of the instance at `url`.
    ///
    /// # Errors
    /// Every [`CallError`]: an instance without this answer is not healthy.
    pub async fn health(
        &self,
        url: &Url,
        key: &Secret,
        within: Duration,
    ) -> Result<Health, CallError> {
        let api = self.at(url, key);
        api.get(&segments(HEALTH_PATH)).answer(within).await
    }

    /// `POST /pool/provision`: turns the instance at `url` into an agent. Do not repeat it, because a second call makes
    /// a second conversation. Slow runtimes take up to a minute.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn provision(
        &self,
        url: &Url,
        key: &Secret,
        request: &ProvisionRequest,
        within: Duration,
    ) -> Result<Provisioned, CallError> {
        let api = self.at(url, key);
        let call = api.post(&segments(PROVISION_PATH)).json(request);
        call.answer(within).await
    }

    /// `POST /pool/variables`: delivers variables to the agent at `url`. Not every runtime supports it.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn set_variables(
        &self,
        url: &Url,
        key: &Secret,
        variables: &Variables,
        within: Duration,
    ) -> Result<(), CallError> {
        let api = self.at(url, key);
        let call = api.post(&segments(VARIABLES_PATH)).json(variables);
        call.send_without_answer(within).await
    }

    /// `POST /pool/reset`: resets an unclaimed instance. Not every runtime supports it.
    ///
    /// # Errors
    /// Every [`CallError`]. The instance may have received the request anyway.
    pub async fn reset(&self, url: &Url, key: &Secret, within: Duration) -> Result<(), CallError> {
        let api = self.at(url, key);
        api.post(&segments(RESET_PATH))
            .send_without_answer(within)
            .await
    }

    fn at(&self, url: &Url, key: &Secret) -> Api {
        Api {
            http: self.0.clone(),
            service: "the runtime",
            base: url.clone(),
            key: key.clone(),
            limits: LIMITS,
        }
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').collect()
}
