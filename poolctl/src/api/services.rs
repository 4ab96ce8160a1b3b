//! Services, for what only it knows.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::{
    InstanceDetails, Logs, RegistryReply, SweepReport, SweepRequest,
};
use reqwest::Method;

use super::{CallError, Caller};

/// How long an answer may take; vendors may be asked for usage.
const SOON: Duration = Duration::from_secs(20);
/// How long a sweep may take: every vendor lists all that it has, page by page.
const SWEEP_WITHIN: Duration = Duration::from_mins(10);

/// The Services API.
#[derive(Debug, Clone)]
pub(crate) struct Services(Caller);

impl Services {
    pub(crate) const fn new(caller: Caller) -> Self {
        Self(caller)
    }

    pub(crate) const fn caller(&self) -> &Caller {
        &self.0
    }

    /// What an instance has, without secrets.
    pub(crate) async fn instance(&self, id: &InstanceId) -> Result<InstanceDetails, CallError> {
        let request = self.0.request(Method::GET, &["instances", id.as_str()]);
        self.0.send(request, SOON).await
    }

    /// The last lines that an instance wrote.
    pub(crate) async fn logs(&self, id: &InstanceId, lines: u16) -> Result<Logs, CallError> {
        let lines = lines.to_string();
        let path = ["logs", id.as_str()];
        let request = self
            .0
            .request_with(Method::GET, &path, &[("lines", &lines)]);
        self.0.send(request, SOON).await
    }

    /// The providers, and how their calls went.
    pub(crate) async fn registry(&self) -> Result<RegistryReply, CallError> {
        self.0
            .send(self.0.request(Method::GET, &["registry"]), SOON)
            .await
    }

    /// What the last sweep found.
    pub(crate) async fn last_sweep(&self) -> Result<SweepReport, CallError> {
        self.0
            .send(self.0.request(Method::GET, &["sweep"]), SOON)
            .await
    }

    /// Has a sweep made.
    pub(crate) async fn sweep(&self, wanted: SweepRequest) -> Result<SweepReport, CallError> {
        let request = self.0.request(Method::POST, &["sweep"]).json(&wanted);
        self.0.send(request, SWEEP_WITHIN).await
    }
}
