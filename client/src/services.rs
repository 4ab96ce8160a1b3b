use std::time::Duration;

use agent_pool_core::wire::problem::ProblemCode;
use agent_pool_core::wire::services::{
    ConfigureRequest, CreateInstanceRequest, CreatedInstance, DestroyedInstance, Document, Done,
    EnsureToolsRequest, EnsuredTools, InstanceDetails, InstanceDocument, Logs, MadeFrom,
    RecipeRequest, RegistryReply, RemovedTool, StatusBatch, StatusBatchRequest, SweepReport,
    SweepRequest, UpdateToolRequest, UpdatedTool, UpgradedInstance, UsageBatch, UsageBatchRequest,
};
use agent_pool_core::{InstanceId, Secret, ToolId, ToolOptions};
use reqwest::Method;
use url::Url;

use crate::call::{Api, Limits, Texts};
use crate::status::StatusAnswer;
use crate::{CallError, Http};

/// Time limit for a creation: some vendors are slow to deliver tools.
pub const CREATE_WITHIN: Duration = Duration::from_mins(5);
/// Time limit for a destruction.
pub const DESTROY_WITHIN: Duration = Duration::from_mins(2);
/// Time limit for setting variables.
pub const CONFIGURE_WITHIN: Duration = Duration::from_secs(20);
/// Time limit for a status query, without the health checks.
const STATUS_WITHIN: Duration = Duration::from_mins(2);
/// Additional time per instance if none answers its health check: 5 s for 40 at a time.
const STATUS_PER_INSTANCE: Duration = Duration::from_millis(125);
/// Time limit for starting a deployment.
const REDEPLOY_WITHIN: Duration = Duration::from_mins(1);
/// Time limit for a request for details, for which Services queries vendors for usage.
const DETAILS_WITHIN: Duration = Duration::from_secs(10);
/// Time limit for the usage of a batch of instances: a call of a vendor each, at most 10 s, 8 at a time.
const USAGE_WITHIN: Duration = Duration::from_mins(5);
/// Time limit for a recipe: an infra may have to pull the image first.
const RECIPE_WITHIN: Duration = Duration::from_mins(2);
/// Time limit for logs, while a person waits.
const LOGS_WITHIN: Duration = Duration::from_secs(20);
/// Time limit for a sweep: every vendor lists all its resources, page by page.
const SWEEP_WITHIN: Duration = Duration::from_mins(10);

pub(crate) const LIMITS: Limits = Limits {
    answer: 32 * 1024 * 1024,
    detail: 2_000,
    texts: Texts::MadeSafe,
};

/// The Services API.
#[derive(Debug, Clone)]
pub struct Services(Api);

/// The outcome of a successful destruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destruction {
    /// Services destroyed the instance.
    Destroyed,
    /// Services has no such instance.
    Unknown,
}

impl Services {
    /// Services at `base`, called with `key`.
    #[must_use]
    pub fn new(http: &Http, base: Url, key: Secret) -> Self {
        Self(Api {
            http: http.clone(),
            service: "Services",
            base,
            key,
            limits: LIMITS,
        })
    }

    /// Its address.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.0.base
    }

    /// `POST /create-instance`.
    ///
    /// # Errors
    /// Every [`CallError`]; an answer about another instance is unreadable.
    pub async fn create(
        &self,
        request: &CreateInstanceRequest,
    ) -> Result<CreatedInstance, CallError> {
        let call = self.0.post(&["create-instance"]).json(request);
        let created: CreatedInstance = call.answer(CREATE_WITHIN).await?;
        if created.instance_id == request.instance_id {
            Ok(created)
        } else {
            let other = format!("it is about instance {}", created.instance_id);
            Err(self.0.unreadable(other))
        }
    }

    /// `DELETE /destroy/:instanceId`. A 404 with the code for an unknown instance counts as such. Because any server
    /// answers 404 to a wrong path, another 404 counts only if Services confirms in a second request that it has no
    /// such instance.
    ///
    /// # Errors
    /// Every other [`CallError`].
    pub async fn destroy(&self, id: &InstanceId) -> Result<Destruction, CallError> {
        let call = self.0.delete(&["destroy", id.as_str()]);
        match call.answer::<DestroyedInstance>(DESTROY_WITHIN).await {
            Ok(_) => Ok(Destruction::Destroyed),
            Err(error) if error.is(&ProblemCode::UnknownInstance) => Ok(Destruction::Unknown),
            Err(error) if error.is(&ProblemCode::WithoutCode) && error.is_not_found() => {
                if self.has(id).await? {
                    Err(error)
                } else {
                    Ok(Destruction::Unknown)
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Whether Services has this instance.
    async fn has(&self, id: &InstanceId) -> Result<bool, CallError> {
        let request = StatusBatchRequest {
            instance_ids: Some(vec![id.clone()]),
        };
        let call = self.0.post(&["status", "batch"]).json(&request);
        let batch: StatusBatch = call.answer(STATUS_WITHIN).await?;
        Ok(batch.contains_key(id))
    }

    /// `POST /status/batch`: deploy status and health of every instance that Services has, including those that this
    /// pool does not know. [`status_within`] is the time limit.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn status(&self, within: Duration) -> Result<StatusAnswer, CallError> {
        let call = self.0.post(&["status", "batch"]);
        let call = call.json(&StatusBatchRequest::default());
        let body = call.body(within).await?;
        let api = self.0.clone();
        Ok(StatusAnswer { api, body })
    }

    /// `POST /configure/:instanceId`: sets variables.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn configure(
        &self,
        id: &InstanceId,
        request: &ConfigureRequest,
        at_most: Duration,
    ) -> Result<(), CallError> {
        let call = self.0.post(&["configure", id.as_str()]).json(request);
        let done = call.answer::<Done>(CONFIGURE_WITHIN.min(at_most));
        done.await.map(drop)
    }

    /// `POST /redeploy/:instanceId`: deploys an instance again, unchanged.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn redeploy(&self, id: &InstanceId) -> Result<(), CallError> {
        let call = self.0.post(&["redeploy", id.as_str()]);
        call.answer::<Done>(REDEPLOY_WITHIN).await.map(drop)
    }

    /// `POST /recipe`: the recipe that an instance would have now.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn recipe(&self, request: &RecipeRequest) -> Result<MadeFrom, CallError> {
        let call = self.0.post(&["recipe"]).json(request);
        call.answer(RECIPE_WITHIN).await
    }

    /// `POST /upgrade/:instanceId`: upgrades an instance to a recipe. Idempotent.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn upgrade(
        &self,
        id: &InstanceId,
        request: &RecipeRequest,
    ) -> Result<UpgradedInstance, CallError> {
        let call = self.0.post(&["upgrade", id.as_str()]).json(request);
        call.answer(CREATE_WITHIN).await
    }

    /// `PUT /instances/:instanceId/tools`: adds the missing ones of these tools, all or none. The time limit is that of
    /// a creation, but at most `at_most`.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn ensure_tools(
        &self,
        id: &InstanceId,
        tools: &[ToolId],
        at_most: Duration,
    ) -> Result<EnsuredTools, CallError> {
        let request = EnsureToolsRequest {
            tools: tools.to_vec(),
        };
        let path = ["instances", id.as_str(), "tools"];
        let call = self.0.call(Method::PUT, &path).json(&request);
        // Secrets must arrive unchanged.
        call.answer_as_sent(CREATE_WITHIN.min(at_most)).await
    }

    /// `DELETE /instances/:instanceId/tools/:toolId`: releases a tool of an instance.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn remove_tool(
        &self,
        id: &InstanceId,
        tool: &ToolId,
    ) -> Result<RemovedTool, CallError> {
        let path = ["instances", id.as_str(), "tools", tool.as_str()];
        self.0.delete(&path).answer(DESTROY_WITHIN).await
    }

    /// `GET /instances/:instanceId`: its infra, tools and usage, without secrets.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn instance(&self, id: &InstanceId) -> Result<InstanceDetails, CallError> {
        let call = self.0.get(&["instances", id.as_str()]);
        call.answer(DETAILS_WITHIN).await
    }

    /// `GET /instances/:instanceId`, only the document for people.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn document(&self, id: &InstanceId) -> Result<Document, CallError> {
        let call = self.0.get(&["instances", id.as_str()]);
        let answer: InstanceDocument = call.answer(DETAILS_WITHIN).await?;
        Ok(answer.document)
    }

    /// `GET /logs/:instanceId`: the last lines of an instance's output.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn logs(&self, id: &InstanceId, lines: u16) -> Result<Logs, CallError> {
        let call = self.0.get(&["logs", id.as_str()]).query("lines", &lines);
        call.answer(LOGS_WITHIN).await
    }

    /// `GET /registry`: the providers, and statistics of their calls.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn registry(&self) -> Result<RegistryReply, CallError> {
        self.0.get(&["registry"]).answer(DETAILS_WITHIN).await
    }

    /// `POST /usage/batch`: the usage of these instances' tools, at most 100 instances.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn usage(&self, instance_ids: Vec<InstanceId>) -> Result<UsageBatch, CallError> {
        let request = UsageBatchRequest { instance_ids };
        let call = self.0.post(&["usage", "batch"]).json(&request);
        call.answer(USAGE_WITHIN).await
    }

    /// `PATCH /provision/:instanceId/:toolId`: changes the options of a tool, such as its limit.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn update_tool(
        &self,
        id: &InstanceId,
        tool: &ToolId,
        config: ToolOptions,
    ) -> Result<UpdatedTool, CallError> {
        let path = ["provision", id.as_str(), tool.as_str()];
        let call = self.0.call(Method::PATCH, &path);
        call.json(&UpdateToolRequest { config })
            .answer(CONFIGURE_WITHIN)
            .await
    }

    /// `GET /sweep`: the report of the last sweep.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn last_sweep(&self) -> Result<SweepReport, CallError> {
        self.0.get(&["sweep"]).answer(DETAILS_WITHIN).await
    }

    /// `POST /sweep`: sweeps now.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn sweep(&self, request: &SweepRequest) -> Result<SweepReport, CallError> {
        let call = self.0.post(&["sweep"]).json(request);
        call.answer(SWEEP_WITHIN).await
    }
}

/// Time limit of [`Services::status`] for a fleet of this size in which no instance answers its health check.
#[must_use]
pub const fn status_within(instances: u32) -> Duration {
    STATUS_WITHIN.saturating_add(STATUS_PER_INSTANCE.saturating_mul(instances))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_fleet_that_is_silent_is_waited_for() {
        let rounds_of_40 = 2_000 / 40;
        assert!(status_within(2_000) > Duration::from_secs(5) * rounds_of_40);
    }
}
