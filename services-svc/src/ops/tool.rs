//! One tool of one instance, under the lease of the instance: provisioned, destroyed, and recorded.

use agent_pool_core::wire::services::ToolStatus;
use agent_pool_core::{Attempt, EnvVars, InstanceId, ResourceId, ToolId, ToolOptions};

use super::lease::Lease;
use super::step_error::StepError;
use crate::app::App;
use crate::db::instance_services::{self, InstanceTool};
use crate::providers::Tool;
use crate::sealed_env::SealedEnv;

/// A tool that exists at its vendor and is recorded.
#[derive(Debug)]
pub(crate) struct ReadyTool {
    pub(crate) resource: ResourceId,
    pub(crate) env: EnvVars,
}

/// Provisions a tool whose intent is recorded. If its row was deleted meanwhile, this fails with
/// [`StepError::RowGone`], and the caller undoes the provision.
pub(crate) async fn provision_and_record(
    lease: &Lease,
    tool: &Tool,
    attempt: Attempt,
    options: &ToolOptions,
) -> Result<ReadyTool, StepError> {
    let instance = lease.instance();
    let made = tool.provision(instance, attempt, options).await?;
    let key = tool.main_variable().clone();
    let sealed = SealedEnv::seal(lease.app().cipher(), instance, tool.id(), key, &made.env)?;
    let (id, resource, metadata) = (tool.id(), &made.resource, made.metadata);
    let written = lease.write(async |conn, fence| {
        instance_services::record_made(conn, fence, id, resource, &sealed, metadata).await
    });
    written.await?.or_gone(instance)?;
    Ok(ReadyTool {
        resource: made.resource,
        env: made.env,
    })
}

/// Destroys one tool of an instance, unless that was done before, and records it.
pub(crate) async fn destroy_and_record(
    lease: &Lease,
    tool: &InstanceTool,
) -> Result<(), StepError> {
    let (app, instance) = (lease.app(), lease.instance());
    match tool.status {
        ToolStatus::Destroyed => return Ok(()),
        ToolStatus::Active => {}
    }
    let provider = app.providers().tool(&tool.tool)?;
    if let Some(resource) = &tool.made {
        provider.destroy(instance, resource).await?;
    }
    // An interrupted repair may have made another resource that no row names.
    if tool.made.is_none() || tool.repairing {
        provider.destroy_by_mark(instance).await?;
    }
    let id = &tool.tool;
    let recorded =
        lease.write(async |conn, fence| instance_services::record_destroyed(conn, fence, id).await);
    // If the row was deleted meanwhile, there is nothing left to record.
    let _ = recorded.await?;
    Ok(())
}

/// Undoes the provisioning of one tool. If its row was deleted with the instance, the resource is found by its mark.
pub(crate) async fn undo(lease: &Lease, tool: &ToolId) -> Result<(), StepError> {
    let (app, instance) = (lease.app(), lease.instance());
    let marked = lease
        .write(async |conn, fence| instance_services::mark_destroying(conn, fence, tool).await);
    // The result does not matter: the row is read next.
    let _ = marked.await?;
    match find(app, instance, tool).await? {
        Some(row) => destroy_and_record(lease, &row).await,
        None => Ok(app
            .providers()
            .tool(tool)?
            .destroy_by_mark(instance)
            .await?),
    }
}

/// One tool that an instance has or had.
pub(crate) async fn find(
    app: &App,
    instance: &InstanceId,
    tool: &ToolId,
) -> Result<Option<InstanceTool>, StepError> {
    let rows = load(app, instance).await?;
    Ok(rows.into_iter().find(|row| row.tool == *tool))
}

/// Every tool that an instance has or had.
pub(crate) async fn load(app: &App, instance: &InstanceId) -> Result<Vec<InstanceTool>, StepError> {
    let mut conn = app.db().conn().await?;
    Ok(instance_services::load(&mut conn, instance).await?)
}
