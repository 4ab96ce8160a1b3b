//! What a creation is to make. Every provider is looked up before anything is made.

use std::collections::BTreeMap;

use agent_pool_core::wire::services::CreateInstanceRequest;
use agent_pool_core::{Attempt, EnvVars, InstanceId, InstanceSpec, ResourceId, Secret, ToolId};

use super::CreateError;
use crate::app::App;
use crate::db::instance_services::InstanceTool;
use crate::ops::requested_tools::resolve_tools;
use crate::providers::{Infra, Tool};
use crate::runtime_key;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) instance: InstanceId,
    pub(super) spec: InstanceSpec,
    pub(super) infra: Infra,
    /// Each tool once, even if the request repeats it.
    pub(super) tools: BTreeMap<ToolId, Tool>,
    /// Whether an earlier creation of the instance may have made something.
    pub(super) attempt: Attempt,
    /// What an earlier creation left.
    pub(super) existing: Vec<InstanceTool>,
    /// Opens the runtime of the instance, and nothing of ours.
    pub(super) runtime_key: Secret,
    variables: EnvVars,
}

impl Plan {
    pub(super) fn new(app: &App, request: CreateInstanceRequest) -> Result<Self, CreateError> {
        let infra = request.infra.as_ref().unwrap_or(&app.config().infra);
        let infra = app.providers().infra(infra);
        let infra = infra.map_err(CreateError::Infra)?;
        if let Some(image) = &request.image {
            let allowed = &app.config().allowed_images;
            if !allowed.contains(image) && infra.default_image() != Some(image.as_str()) {
                return Err(CreateError::ImageNotAllowed(image.clone()));
            }
        }
        Ok(Self {
            tools: resolve_tools(app, &request.tools)?,
            infra,
            instance: request.instance_id,
            spec: InstanceSpec {
                name: request.name,
                image: request.image,
            },
            attempt: Attempt::First,
            existing: Vec::new(),
            runtime_key: Secret::generate(),
            variables: request.variables,
        })
    }

    /// All variables to start with. If several sources set one, the later wins: settings, request, tools,
    /// and then what identifies and authorises the instance.
    pub(super) fn variables(&self, app: &App, tools: impl Iterator<Item = EnvVars>) -> EnvVars {
        let config = app.config();
        let mut all = config.instance_env.clone();
        all.merge(self.variables.clone());
        tools.for_each(|tool| all.merge(tool));
        let id = Secret::new(self.instance.as_str());
        let key = self.runtime_key.clone();
        let own = [("INSTANCE_ID", id), (runtime_key::VARIABLE, key)];
        all.merge(
            own.into_iter()
                .filter_map(|(name, value)| Some((name.parse().ok()?, value)))
                .collect(),
        );
        all
    }

    /// The row of a tool that the instance has already, and the resource.
    pub(super) fn existing_tool(&self, tool: &ToolId) -> Option<(&InstanceTool, &ResourceId)> {
        let row = self.existing.iter().find(|row| row.tool == *tool)?;
        Some((row, row.in_use()?))
    }
}
