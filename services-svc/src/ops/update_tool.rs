//! `PATCH /provision/:instanceId/:toolId`: changes the options of a tool of an instance, such as its limit.

use agent_pool_core::{InstanceId, ToolId, ToolOptions};
use agent_pool_service_kit::db::DbError;
use tracing::info;

use super::lease::Lease;
use super::precondition::PreconditionError;
use super::step_error::StepError;
use super::tool::find;
use crate::app::App;
use crate::db::instance_infra;

/// Why a tool was not updated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateToolError {
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Nothing was done.
    #[error("instance {instance} has no {tool}")]
    UnknownTool { instance: InstanceId, tool: ToolId },
    /// The rows or the vendor failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for UpdateToolError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

/// Changes the options of a tool at its vendor.
pub(crate) async fn update_tool(
    app: App,
    instance: InstanceId,
    tool: ToolId,
    options: ToolOptions,
) -> Result<(), UpdateToolError> {
    let lease = Lease::wait_for::<UpdateToolError>(&app, &instance).await?;
    lease.hold(update_leased(&lease, tool, &options)).await
}

async fn update_leased(
    lease: &Lease,
    tool: ToolId,
    options: &ToolOptions,
) -> Result<(), UpdateToolError> {
    let (app, instance) = (lease.app(), lease.instance());
    let mut conn = app.db().conn().await?;
    let known = instance_infra::find(&mut conn, instance).await?;
    drop(conn);
    if known.is_none() {
        return Err(PreconditionError::Unknown(instance.clone()).into());
    }
    let row = find(app, instance, &tool).await?;
    let Some(resource) = row.as_ref().and_then(|row| row.in_use()) else {
        let instance = instance.clone();
        return Err(UpdateToolError::UnknownTool { instance, tool });
    };
    let provider = app.providers().tool(&tool).map_err(StepError::from)?;
    let updated = provider.update(resource, options).await;
    updated.map_err(StepError::from)?;
    info!("the options of {tool} of instance {instance} are changed");
    Ok(())
}
