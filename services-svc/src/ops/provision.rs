//! `POST /provision/:instanceId/:toolId`: a further tool for an instance that is there.
//!
//! Its variables are set without a deployment, which would cut off what the agent is doing: the next
//! one has them, and `POST /redeploy` makes one now.

use agent_pool_core::registry::LookupError;
use agent_pool_core::wire::services::{ProvisionedToolReply, ToolStatus};
use agent_pool_core::{InfraHandle, InstanceId, Redeploy, ToolId, ToolOptions, chain};
use agent_pool_service_kit::db::DbError;
use tracing::warn;

use super::clash::fits;
use super::configure::{ConfigureError, running};
use super::equip::{Equipped, equip};
use super::lease::Lease;
use super::refusal::Refusal;
use super::step::StepError;
use super::tear_down::take_away;
use crate::app::App;
use crate::db::instance_services::{self, InstanceTool, NewTool};
use crate::vendors::{Infra, Tool};

/// Why an instance did not get a tool.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProvisionError {
    /// The tool cannot be had. Nothing was done.
    #[error(transparent)]
    Tool(LookupError),
    /// Nothing was done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It has the tool.
    #[error("instance {instance} has {tool} already")]
    AlreadyProvisioned { instance: InstanceId, tool: ToolId },
    /// The rows or a vendor failed. What was made is undone, or its row stays, marked.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for ProvisionError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

impl From<ConfigureError> for ProvisionError {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Refused(refusal) => Self::Refused(refusal),
            ConfigureError::Step(step) => Self::Step(step),
        }
    }
}

/// Gives an instance a tool.
pub(crate) async fn provision(
    app: App,
    instance: InstanceId,
    tool: ToolId,
    options: ToolOptions,
) -> Result<ProvisionedToolReply, ProvisionError> {
    let tool = app.vendors().tool(&tool).map_err(ProvisionError::Tool)?;
    let lease = Lease::wait_for::<ProvisionError>(&app, &instance).await?;
    lease.hold(provision_alone(&lease, &tool, &options)).await
}

async fn provision_alone(
    lease: &Lease,
    tool: &Tool,
    options: &ToolOptions,
) -> Result<ProvisionedToolReply, ProvisionError> {
    let (app, instance) = (lease.app(), lease.instance());
    let (infra, handle) = running(app, instance).await?;
    if find(app, instance, tool.id())
        .await?
        .is_some_and(|row| row.in_use().is_some())
    {
        return Err(ProvisionError::AlreadyProvisioned {
            instance: instance.clone(),
            tool: tool.id().clone(),
        });
    }
    fits(app, instance, tool.id()).await?;
    intend(lease, tool).await?;
    match make(lease, tool, options, &infra, &handle).await {
        Ok(made) => Ok(ProvisionedToolReply {
            tool_id: tool.id().clone(),
            resource_id: made.resource,
            env_key: tool.main_variable().to_string(),
            status: ToolStatus::Active,
        }),
        Err(error) => {
            if let Err(left) = undo(lease, tool.id()).await {
                warn!(
                    instance.id = %instance,
                    tool.id = %tool.id(),
                    error.chain = chain(&left),
                    "{} of instance {instance} could not be undone; its row stays", tool.id()
                );
            }
            Err(error.into())
        }
    }
}

async fn intend(lease: &Lease, tool: &Tool) -> Result<(), StepError> {
    let instance = lease.instance();
    let label = &lease.app().vendors().context().mark().label(instance);
    let row = &[NewTool {
        tool: tool.id(),
        main: tool.main_variable(),
    }];
    let written =
        lease.write(async |conn, fence| instance_services::intend(conn, fence, label, row).await);
    Ok(written.await?.or_gone(instance)?)
}

async fn make(
    lease: &Lease,
    tool: &Tool,
    options: &ToolOptions,
    infra: &Infra,
    handle: &InfraHandle,
) -> Result<Equipped, StepError> {
    let made = equip(lease, tool, options).await?;
    infra.configure(handle, &made.env, Redeploy::No).await?;
    Ok(made)
}

/// Where the row is gone with its instance, what was made since is found by its mark.
pub(super) async fn undo(lease: &Lease, tool: &ToolId) -> Result<(), StepError> {
    let (app, instance) = (lease.app(), lease.instance());
    let marked = lease
        .write(async |conn, fence| instance_services::mark_destroying(conn, fence, tool).await);
    // Whether there is a row, `find` tells.
    let _ = marked.await?;
    match find(app, instance, tool).await? {
        Some(row) => take_away(lease, &row).await,
        None => Ok(app.vendors().tool(tool)?.destroy_by_mark(instance).await?),
    }
}

/// One tool that an instance has or had.
pub(super) async fn find(
    app: &App,
    instance: &InstanceId,
    tool: &ToolId,
) -> Result<Option<InstanceTool>, StepError> {
    let mut conn = app.db().conn().await?;
    let rows = instance_services::load(&mut conn, instance).await?;
    Ok(rows.into_iter().find(|row| row.tool == *tool))
}
