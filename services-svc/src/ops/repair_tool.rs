//! Repairs a tool whose resource is missing at its vendor: provisions it again and sets its variables.
//!
//! A deployment follows, because an agent with a dead key cannot work until it has the new one. The options of the
//! first provisioning are not stored: the new resource has the provider's defaults.

use agent_pool_core::{Attempt, InstanceId, Redeploy, ResourceId, ToolId, ToolOptions, chain};
use tracing::{info, warn};

use super::lease::Lease;
use super::precondition::PreconditionError;
use super::running::{RunningError, find_running};
use super::step_error::StepError;
use super::tool::{find, provision_and_record, undo};
use crate::app::App;
use crate::db::instance_services;

/// Provisions `resource` of an instance again; false if the instance no longer uses it.
pub(crate) async fn repair_tool(
    app: &App,
    instance: &InstanceId,
    tool: &ToolId,
    resource: &ResourceId,
) -> Result<bool, RunningError> {
    let busy = || PreconditionError::Busy(instance.clone());
    let lease = Lease::take(app, instance).await?.ok_or_else(busy)?;
    let work = async {
        let row = find(app, instance, tool).await?;
        if row.is_none_or(|row| row.in_use() != Some(resource)) {
            return Ok(false);
        }
        find_running(app, instance).await?;
        let marked = lease
            .write(async |conn, fence| instance_services::mark_repairing(conn, fence, tool).await);
        marked.await?.or_gone(instance).map_err(StepError::from)?;
        finish_repair(&lease, tool).await?;
        Ok(true)
    };
    lease.hold(work).await
}

/// Repairs a marked tool, under the lease. After a failure it stays marked, for the recovery.
pub(crate) async fn finish_repair(lease: &Lease, tool: &ToolId) -> Result<(), RunningError> {
    let (app, instance) = (lease.app(), lease.instance());
    let (infra, handle) = find_running(app, instance).await?;
    let provider = app.providers().tool(tool).map_err(StepError::from)?;
    let options = ToolOptions::new();
    let ready = provision_and_record(lease, &provider, Attempt::Later, &options).await;
    if matches!(ready, Err(StepError::RowGone(_)))
        && let Err(error) = undo(lease, tool).await
    {
        warn!(
            instance.id = %instance,
            error.chain = chain(&error),
            "{tool} was made for instance {instance}, which no longer exists; a sweep will find it"
        );
    }
    let configured = infra.configure(&handle, &ready?.env, Redeploy::Yes).await;
    configured.map_err(StepError::from)?;
    let written = lease
        .write(async |conn, fence| instance_services::record_repaired(conn, fence, tool).await);
    written.await?.or_gone(instance).map_err(StepError::from)?;
    info!(instance.id = %instance, tool.id = %tool, "{tool} of instance {instance} is provisioned again");
    Ok(())
}
