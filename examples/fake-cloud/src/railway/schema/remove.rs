//! Mutations that delete resources.

use async_graphql::{Context, Object, Result};

use super::open::open;
use crate::railway::DeploymentStatus;

#[derive(Debug, Default)]
pub(crate) struct Remove;

#[Object]
impl Remove {
    async fn deployment_remove(&self, ctx: &Context<'_>, id: String) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.halt(caller, &id, Some(DeploymentStatus::Removed))?;
        Ok(true)
    }

    async fn volume_delete(&self, ctx: &Context<'_>, volume_id: String) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.delete_volume(caller, &volume_id)?;
        Ok(true)
    }

    async fn service_domain_delete(&self, ctx: &Context<'_>, id: String) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.delete_domain(caller, &id)?;
        Ok(true)
    }

    async fn service_delete(
        &self,
        ctx: &Context<'_>,
        id: String,
        environment_id: Option<String>,
    ) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.delete_service(caller, &id, environment_id.as_deref())?;
        Ok(true)
    }

    async fn environment_delete(&self, ctx: &Context<'_>, id: String) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.delete_environment(caller, &id)?;
        Ok(true)
    }

    async fn project_delete(&self, ctx: &Context<'_>, id: String) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.delete_project(caller, &id)?;
        Ok(true)
    }
}
