//! Gives an instance one tool, and writes it down.

use agent_pool_core::{EnvVars, ResourceId, ToolOptions};

use super::lease::Lease;
use super::step::StepError;
use crate::db::instance_services;
use crate::sealed_env::SealedEnv;
use crate::vendors::Tool;

/// A tool that is there and written down.
#[derive(Debug)]
pub(crate) struct Equipped {
    pub(crate) resource: ResourceId,
    pub(crate) env: EnvVars,
}

/// Provisions a tool whose intent is written down. Where that row is gone by now, what was made has none,
/// and is the caller's to undo.
pub(crate) async fn equip(
    lease: &Lease,
    tool: &Tool,
    options: &ToolOptions,
) -> Result<Equipped, StepError> {
    let instance = lease.instance();
    let made = tool.provision(instance, options).await?;
    let key = tool.main_variable().clone();
    let sealed = SealedEnv::seal(lease.app().cipher(), instance, tool.id(), key, &made.env)?;
    let (id, resource, metadata) = (tool.id(), &made.resource, made.metadata);
    let written = lease.write(async |conn, fence| {
        instance_services::record_made(conn, fence, id, resource, &sealed, metadata).await
    });
    written.await?.or_gone(instance)?;
    Ok(Equipped {
        resource: made.resource,
        env: made.env,
    })
}
