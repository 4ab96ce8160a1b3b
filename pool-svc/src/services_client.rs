//! Services, as Pool asks it.

use std::time::Duration;

use agent_pool_core::wire::services::{
    ConfigureRequest, CreateInstanceRequest, CreatedInstance, DestroyedInstance, Document, Done,
    InstanceDocument, Logs, RegistryReply, StatusBatch, StatusBatchRequest, SweepReport,
    SweepRequest,
};
use agent_pool_core::{EnvVars, InstanceId, Secret};
use reqwest::{Client, Method, RequestBuilder};
use url::Url;

use crate::call::{CallError, Failure, send, send_noting};

/// How long a creation may take: tools are ordered from vendors, some of which deliver slowly.
pub(crate) const CREATE_WITHIN: Duration = Duration::from_mins(5);
/// How long a destruction may take.
pub(crate) const DESTROY_WITHIN: Duration = Duration::from_mins(2);
/// How long a look at the fleet may take, besides the health checks.
const STATUS_WITHIN: Duration = Duration::from_mins(2);
/// What each health check adds where none answers: 5 s, 40 at a time.
const STATUS_FOR_EACH: Duration = Duration::from_millis(125);
/// How long setting variables may take.
pub(crate) const CONFIGURE_WITHIN: Duration = Duration::from_secs(20);

/// How long deploying again may take.
const REDEPLOY_WITHIN: Duration = Duration::from_mins(1);
/// How long somebody waits to see what an instance has: vendors are asked for its usage.
const DETAILS_WITHIN: Duration = Duration::from_secs(10);
/// How long a sweep may take: every vendor lists all that it has, page by page.
const SWEEP_WITHIN: Duration = Duration::from_mins(5);
/// How long somebody waits to see the logs of an instance.
const LOGS_WITHIN: Duration = Duration::from_secs(20);

/// The client of the Services API.
#[derive(Debug, Clone)]
pub(crate) struct ServicesClient {
    http: Client,
    base: Url,
    key: Secret,
}

/// What Services said about a destruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    Destroyed,
    /// Services has never heard of it, or has forgotten it.
    Unknown,
}

impl ServicesClient {
    pub(crate) const fn new(http: Client, base: Url, key: Secret) -> Self {
        Self { http, base, key }
    }

    pub(crate) async fn create(
        &self,
        request: &CreateInstanceRequest,
    ) -> Result<CreatedInstance, Failure> {
        let call = self
            .request(Method::POST, &["create-instance"])
            .json(request);
        let created: CreatedInstance = send_noting(call, CREATE_WITHIN).await?;
        if created.instance_id == request.instance_id {
            Ok(created)
        } else {
            let other = format!("instance {}", created.instance_id);
            Err(CallError::Garbled(other).into())
        }
    }

    /// Only a 404 that names the instance counts as gone: any server has a 404 for a wrong path.
    pub(crate) async fn destroy(&self, id: &InstanceId) -> Result<Gone, CallError> {
        let call = self.request(Method::DELETE, &["destroy", id.as_str()]);
        match send::<DestroyedInstance>(call, DESTROY_WITHIN).await {
            Ok(_) => Ok(Gone::Destroyed),
            Err(error) if is_unknown_instance(&error) => Ok(Gone::Unknown),
            Err(error) => Err(error),
        }
    }

    /// How all instances do that Services has, also those that this pool does not know.
    pub(crate) async fn status(&self, within: Duration) -> Result<StatusBatch, CallError> {
        let call = self
            .request(Method::POST, &["status", "batch"])
            .json(&StatusBatchRequest::default());
        send(call, within).await
    }

    pub(crate) async fn configure(
        &self,
        id: &InstanceId,
        variables: EnvVars,
        at_most: Duration,
    ) -> Result<(), CallError> {
        let request = ConfigureRequest {
            variables,
            redeploy: false,
        };
        let call = self
            .request(Method::POST, &["configure", id.as_str()])
            .json(&request);
        send::<Done>(call, CONFIGURE_WITHIN.min(at_most)).await?;
        Ok(())
    }

    /// Deploys an instance again, as it is.
    pub(crate) async fn redeploy(&self, id: &InstanceId) -> Result<(), CallError> {
        let call = self.request(Method::POST, &["redeploy", id.as_str()]);
        send::<Done>(call, REDEPLOY_WITHIN).await?;
        Ok(())
    }

    /// What Services tells people about an instance.
    pub(crate) async fn document(&self, id: &InstanceId) -> Result<Document, CallError> {
        let call = self.request(Method::GET, &["instances", id.as_str()]);
        let answer: InstanceDocument = send(call, DETAILS_WITHIN).await?;
        Ok(answer.document)
    }

    /// The last lines that an instance wrote.
    pub(crate) async fn logs(&self, id: &InstanceId, lines: u16) -> Result<Logs, CallError> {
        let mut url = below(&self.base, &["logs", id.as_str()]);
        url.query_pairs_mut()
            .append_pair("lines", &lines.to_string());
        let call = self.http.get(url).bearer_auth(self.key.expose());
        send(call, LOGS_WITHIN).await
    }

    /// The providers, and how their calls went.
    pub(crate) async fn registry(&self) -> Result<RegistryReply, CallError> {
        send(self.request(Method::GET, &["registry"]), DETAILS_WITHIN).await
    }

    /// What the last sweep found.
    pub(crate) async fn last_sweep(&self) -> Result<SweepReport, CallError> {
        send(self.request(Method::GET, &["sweep"]), DETAILS_WITHIN).await
    }

    /// Has a sweep made.
    pub(crate) async fn sweep(&self, request: SweepRequest) -> Result<SweepReport, CallError> {
        let call = self.request(Method::POST, &["sweep"]).json(&request);
        send(call, SWEEP_WITHIN).await
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http
            .request(method, below(&self.base, path))
            .bearer_auth(self.key.expose())
    }
}

/// A large fleet of which nothing answers must not look like Services that does not answer.
pub(crate) const fn status_within(instances: u32) -> Duration {
    STATUS_WITHIN.saturating_add(STATUS_FOR_EACH.saturating_mul(instances))
}

/// Whether Services does not know the instance that it was asked about.
pub(crate) fn is_unknown_instance(error: &CallError) -> bool {
    error.is(404, "unknown_instance")
}

/// The URL of a path below `base`, whether `base` ends with a slash or not.
pub(crate) fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_fleet_that_is_silent_is_waited_for() {
        let rounds_of_40 = 2_000 / 40;
        assert!(status_within(2_000) > Duration::from_secs(5) * rounds_of_40);
    }

    #[test]
    fn a_path_is_below_its_base_and_encoded() {
        for (base, url) in [
            ("http://h:1", "http://h:1/destroy/a%2Fb"),
            ("http://h:1/", "http://h:1/destroy/a%2Fb"),
            ("https://h/services/", "https://h/services/destroy/a%2Fb"),
        ] {
            let base: Url = base.parse().unwrap();
            assert_eq!(below(&base, &["destroy", "a/b"]).as_str(), url);
        }
    }
}
