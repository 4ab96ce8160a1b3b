//! `DELETE /destroy/:instanceId/:toolId/:resourceId`: one tool of an instance that stays.

use agent_pool_core::{InstanceId, ResourceId, ToolId};
use agent_pool_service_kit::db::DbError;

use super::lease::Lease;
use super::precondition::PreconditionError;
use super::step_error::StepError;
use super::tool::{destroy_and_record, find};
use crate::app::App;
use crate::db::{instance_infra, instance_services};

/// The resource to destroy, and its instance.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) instance: InstanceId,
    pub(crate) tool: ToolId,
    pub(crate) resource: ResourceId,
}

/// Why a tool was not destroyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DestroyToolError {
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The instance never had this resource. Nothing was done.
    #[error("instance {} has no {} with the id {}", .0.instance, .0.tool, .0.resource)]
    UnknownResource(Target),
    /// The rows or the vendor failed. The row stays marked.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for DestroyToolError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

/// Destroys a tool. Idempotent: if it is destroyed already, the call succeeds.
pub(crate) async fn destroy_tool(app: App, target: Target) -> Result<(), DestroyToolError> {
    let lease = Lease::wait_for::<DestroyToolError>(&app, &target.instance).await?;
    lease.hold(destroy_leased(&lease, target)).await
}

async fn destroy_leased(lease: &Lease, target: Target) -> Result<(), DestroyToolError> {
    let app = lease.app();
    let (instance, tool) = (&target.instance, &target.tool);
    let mut conn = app.db().conn().await?;
    let known = instance_infra::find(&mut conn, instance).await?;
    drop(conn);
    if known.is_none() {
        return Err(PreconditionError::Unknown(instance.clone()).into());
    }
    let row = find(app, instance, tool).await?;
    let Some(row) = row.filter(|row| row.made.as_ref() == Some(&target.resource)) else {
        return Err(DestroyToolError::UnknownResource(target));
    };
    let marked = lease
        .write(async |conn, fence| instance_services::mark_destroying(conn, fence, tool).await);
    marked.await?.or_gone(instance).map_err(StepError::from)?;
    Ok(destroy_and_record(lease, &row).await?)
}
