//! `POST /upgrade/:instanceId`: upgrades an instance to the current state of its recipe, keeping its volume, address,
//! key and tools.
//!
//! - Missing tools are provisioned first. A tool that the recipe no longer names stays, because its mailbox or number
//!   belongs to the agent.
//! - Variables are set, then one deployment follows, with the new image. Variables that the recipe no longer names
//!   stay.
//! - The recipe is recorded last, so that repeating an interrupted call does the rest.

use agent_pool_core::wire::services::{MadeFrom, RecipeRequest, UpgradedInstance};
use agent_pool_core::{EnvVars, InfraHandle, InfraId, InstanceId, Redeploy, ToolId, ToolOptions};
use agent_pool_service_kit::db::DbError;
use tracing::info;

use super::lease::Lease;
use super::precondition::PreconditionError;
use super::provision_tool::{ProvisionError, provision_leased};
use super::recipe::{Recipe, RecipeError};
use super::running::{RunningError, find_running};
use super::step_error::StepError;
use super::tool::load;
use crate::app::App;
use crate::db::instance_infra;
use crate::providers::Infra;

/// Why an instance was not upgraded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    /// The recipe cannot be used. Nothing was done.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// An instance cannot move to another infra. Nothing was done.
    #[error("instance {instance} runs on {from}, but the recipe on {to}: its volume cannot move")]
    OtherInfra {
        instance: InstanceId,
        from: InfraId,
        to: InfraId,
    },
    /// A missing tool could not be provisioned. The running instance was not changed.
    #[error(transparent)]
    Tool(#[from] ProvisionError),
    /// The rows or the infra failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for UpgradeError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

impl From<RunningError> for UpgradeError {
    fn from(error: RunningError) -> Self {
        match error {
            RunningError::Precondition(error) => Self::Precondition(error),
            RunningError::Step(error) => Self::Step(error),
        }
    }
}

pub(crate) async fn upgrade(
    app: App,
    instance: InstanceId,
    request: RecipeRequest,
) -> Result<UpgradedInstance, UpgradeError> {
    let recipe = Recipe::resolve(&app, request)?;
    let lease = Lease::wait_for::<UpgradeError>(&app, &instance).await?;
    lease.hold(upgrade_leased(&lease, &recipe)).await
}

async fn upgrade_leased(lease: &Lease, recipe: &Recipe) -> Result<UpgradedInstance, UpgradeError> {
    let (app, instance) = (lease.app(), lease.instance());
    let (infra, handle) = find_running(app, instance).await?;
    if infra.id() != recipe.infra.id() {
        return Err(UpgradeError::OtherInfra {
            instance: instance.clone(),
            from: infra.id().clone(),
            to: recipe.infra.id().clone(),
        });
    }
    let made_from = recipe.describe(app).await?;
    let row = instance_infra::find(&mut *app.db().conn().await?, instance).await?;
    let before = row.and_then(|row| row.made_from);
    let deployed = before.is_none_or(|before| before.hash != made_from.hash);
    if deployed {
        provision_missing_tools(lease, recipe).await?;
        deploy(recipe, &infra, &handle).await?;
        record(lease, &made_from).await?;
        info!(instance.id = %instance, "instance {instance} is upgraded to recipe {}", made_from.hash);
    }
    Ok(UpgradedInstance {
        instance_id: instance.clone(),
        deployed,
        made_from,
    })
}

/// This sets their variables; the deployment of the upgrade applies them.
async fn provision_missing_tools(lease: &Lease, recipe: &Recipe) -> Result<(), UpgradeError> {
    let rows = load(lease.app(), lease.instance()).await?;
    let has = |tool: &ToolId| {
        rows.iter()
            .any(|row| row.tool == *tool && row.in_use().is_some())
    };
    for (_, tool) in recipe.tools.iter().filter(|(id, _)| !has(id)) {
        provision_leased(lease, tool, &ToolOptions::new()).await?;
    }
    Ok(())
}

/// Sets the variables of the recipe and deploys its image, with its options.
async fn deploy(recipe: &Recipe, infra: &Infra, handle: &InfraHandle) -> Result<(), StepError> {
    let handle = &InfraHandle {
        options: recipe.infra_options.clone(),
        ..handle.clone()
    };
    let variables: &EnvVars = &recipe.variables;
    match recipe.image() {
        Some(image) if infra.updates_images() => {
            infra.configure(handle, variables, Redeploy::No).await?;
            Ok(infra.update_image(handle, image).await?)
        }
        _ => Ok(infra.configure(handle, variables, Redeploy::Yes).await?),
    }
}

async fn record(lease: &Lease, made_from: &MadeFrom) -> Result<(), StepError> {
    let written = lease
        .write(async |conn, fence| instance_infra::record_started(conn, fence, made_from).await);
    Ok(written.await?.or_gone(lease.instance())?)
}
