//! The plan of a creation. Every provider is looked up before anything is made.

use agent_pool_core::wire::services::{CreateInstanceRequest, RecipeRequest};
use agent_pool_core::{Attempt, EnvVars, InstanceId, InstanceSpec, ResourceId, Secret, ToolId};

use super::CreateError;
use crate::app::App;
use crate::db::instance_services::InstanceTool;
use crate::ops::recipe::Recipe;
use crate::runtime_key;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) instance: InstanceId,
    pub(super) spec: InstanceSpec,
    pub(super) recipe: Recipe,
    /// Whether an earlier creation of the instance may have made something.
    pub(super) attempt: Attempt,
    /// The tools that an earlier creation left.
    pub(super) existing: Vec<InstanceTool>,
    /// The key of the instance's runtime. It opens nothing else.
    pub(super) runtime_key: Secret,
}

impl Plan {
    pub(super) fn new(app: &App, request: CreateInstanceRequest) -> Result<Self, CreateError> {
        let recipe = Recipe::resolve(
            app,
            RecipeRequest {
                tools: request.tools,
                infra: request.infra,
                image: request.image,
                infra_options: request.infra_options,
                variables: request.variables,
            },
        )?;
        Ok(Self {
            instance: request.instance_id,
            spec: InstanceSpec {
                name: request.name,
                image: recipe.image.clone(),
                options: recipe.infra_options.clone(),
            },
            recipe,
            attempt: Attempt::First,
            existing: Vec::new(),
            runtime_key: Secret::generate(),
        })
    }

    /// All variables of the first deployment. If several sources set one, the later source wins: settings, request,
    /// tools, and then the instance's id and key.
    pub(super) fn variables(&self, tools: impl Iterator<Item = EnvVars>) -> EnvVars {
        let mut all = self.recipe.variables.clone();
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
