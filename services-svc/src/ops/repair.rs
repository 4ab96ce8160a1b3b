//! A tool whose resource is gone at its vendor is provisioned anew, and its variables are set again.
//!
//! A deployment follows, because an agent with a dead key does nothing until it has the new one. The
//! options of the first provisioning are not kept: the new resource has the provider's settings.

use agent_pool_core::{InstanceId, Redeploy, ResourceId, ToolId, ToolOptions, chain};
use tracing::{info, warn};

use super::configure::{ConfigureError, running};
use super::equip::equip;
use super::lease::Lease;
use super::provision::{find, undo};
use super::refusal::Refusal;
use super::step::StepError;
use crate::app::App;
use crate::db::instance_services;

/// Makes `resource` of an instance anew; false where it is no longer what the instance uses.
pub(crate) async fn repair(
    app: &App,
    instance: &InstanceId,
    tool: &ToolId,
    resource: &ResourceId,
) -> Result<bool, ConfigureError> {
    let busy = || Refusal::Busy(instance.clone());
    let lease = Lease::take(app, instance).await?.ok_or_else(busy)?;
    let repaired = async {
        let row = find(app, instance, tool).await?;
        if row.is_none_or(|row| row.in_use() != Some(resource)) {
            return Ok(false);
        }
        running(app, instance).await?;
        let marked = lease
            .write(async |conn, fence| instance_services::mark_repairing(conn, fence, tool).await);
        marked.await?.or_gone(instance).map_err(StepError::from)?;
        repair_alone(&lease, tool).await?;
        Ok(true)
    };
    lease.hold(repaired).await
}

/// The repair of a tool that is marked, under the lease. What fails stays marked, for the recovery.
pub(crate) async fn repair_alone(lease: &Lease, tool: &ToolId) -> Result<(), ConfigureError> {
    let (app, instance) = (lease.app(), lease.instance());
    let (infra, handle) = running(app, instance).await?;
    let provider = app.vendors().tool(tool).map_err(StepError::from)?;
    let equipped = equip(lease, &provider, &ToolOptions::new()).await;
    if matches!(equipped, Err(StepError::Gone(_)))
        && let Err(left) = undo(lease, tool).await
    {
        warn!(
            instance.id = %instance,
            error.chain = chain(&left),
            "{tool} of instance {instance} was made in vain: a sweep finds it"
        );
    }
    let env = equipped?.env;
    let set = infra.configure(&handle, &env, Redeploy::Yes).await;
    set.map_err(StepError::from)?;
    let written = lease
        .write(async |conn, fence| instance_services::record_repaired(conn, fence, tool).await);
    written.await?.or_gone(instance).map_err(StepError::from)?;
    info!(instance.id = %instance, tool.id = %tool, "{tool} of instance {instance} is made anew");
    Ok(())
}
