//! What a creation is to make, with every provider at hand before anything is made.

use std::collections::BTreeMap;

use agent_pool_core::wire::services::CreateInstanceRequest;
use agent_pool_core::{EnvVars, InstanceId, InstanceSpec, Secret, ToolId};

use super::CreateError;
use crate::app::App;
use crate::ops::requested_tools::resolve_tools;
use crate::providers::{Infra, Tool};

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) instance: InstanceId,
    pub(super) spec: InstanceSpec,
    pub(super) infra: Infra,
    /// Each tool once, however often it was asked for.
    pub(super) tools: BTreeMap<ToolId, Tool>,
    variables: EnvVars,
}

impl Plan {
    pub(super) fn of(app: &App, request: CreateInstanceRequest) -> Result<Self, CreateError> {
        let infra = app.providers().infra(&app.config().infra);
        Ok(Self {
            tools: resolve_tools(app, &request.tools)?,
            infra: infra.map_err(CreateError::Infra)?,
            instance: request.instance_id,
            spec: InstanceSpec {
                name: request.name,
                image: request.image,
            },
            variables: request.variables,
        })
    }

    /// All variables to start with. Where several set one: the settings give way to the request, the
    /// request to the tools, all to what identifies and authorises the instance.
    pub(super) fn variables(&self, app: &App, tools: impl Iterator<Item = EnvVars>) -> EnvVars {
        let config = app.config();
        let mut all = config.instance_env.clone();
        all.merge(self.variables.clone());
        tools.for_each(|tool| all.merge(tool));
        let id = Secret::new(self.instance.as_str());
        let key = config.http.pool_api_key.primary().clone();
        let own = [("INSTANCE_ID", id), ("POOL_API_KEY", key)];
        all.merge(
            own.into_iter()
                .filter_map(|(name, value)| Some((name.parse().ok()?, value)))
                .collect(),
        );
        all
    }
}
