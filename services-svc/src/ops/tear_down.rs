//! Takes an instance down as far as it goes: the end of a destruction, and the undo of a creation.
//!
//! It reads what there is from the rows, so that it can be repeated after any failure or crash until
//! nothing is left. What the vendors no longer have counts as destroyed.

use agent_pool_core::wire::services::{Destroyed, ToolStatus};
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use tracing::{info, warn};

use super::lease::Lease;
use super::step_error::StepError;
use crate::app::App;
use crate::db::instance_infra::{self, InstanceInfra};
use crate::db::instance_services::{self, InstanceTool};

/// What could not be destroyed. Its row stays, marked, for the next try.
#[derive(Debug)]
pub(crate) struct Leftover {
    /// The provider that has it.
    pub(crate) provider: String,
    /// Why it is still there.
    pub(crate) cause: StepError,
}

/// How far a tear-down came.
#[derive(Debug)]
pub(crate) enum TearDown {
    /// There was no such instance.
    Unknown,
    /// Nothing is left of it.
    RowGone(Destroyed),
    /// These are left: at least one.
    Partly(Vec<Leftover>),
}

/// Destroys the tools side by side, then the infra, then the rows.
pub(crate) async fn tear_down(lease: &Lease) -> Result<TearDown, DbError> {
    let (app, instance) = (lease.app(), lease.instance());
    let Some((infra, tools)) = condemn(lease).await? else {
        return Ok(TearDown::NotFound);
    };
    let taken = join_all(tools.iter().map(|tool| take_away(lease, tool))).await;
    let taken = tools.iter().map(|tool| tool.tool.as_str()).zip(taken);
    let infra_gone = (infra.infra.as_str(), destroy_infra(app, &infra).await);
    let left = leftovers(instance, taken.chain([infra_gone]));
    if !left.is_empty() {
        return Ok(TearDown::Incomplete(left));
    }
    // Whether the row is still there: it is gone afterwards.
    let _ = lease
        .write(async |conn, fence| instance_infra::delete(conn, fence).await)
        .await?;
    info!(instance.id = %instance, "instance {instance} is destroyed");
    Ok(TearDown::Complete(Destroyed {
        tools: tools.into_iter().map(|tool| (tool.tool, true)).collect(),
        volumes: true,
        service: true,
    }))
}

/// Those that failed, which are logged.
pub(crate) fn leftovers<'a>(
    instance: &InstanceId,
    results: impl Iterator<Item = (&'a str, Result<(), StepError>)>,
) -> Vec<Leftover> {
    let failed = results.filter_map(|(provider, result)| {
        let cause = result.err()?;
        warn!(
            instance.id = %instance,
            error.chain = chain(&cause),
            "what {provider} has of instance {instance} is not destroyed; its row stays"
        );
        let provider = provider.to_owned();
        Some(Leftover { provider, cause })
    });
    failed.collect()
}

/// Marks an instance before anything of it is destroyed, and reads what it has.
async fn condemn(lease: &Lease) -> Result<Option<(InstanceInfra, Vec<InstanceTool>)>, DbError> {
    let marked =
        lease.write(async |conn, fence| instance_infra::mark_destroying(conn, fence).await);
    // Whether there is a row, and since when it is marked, `find` tells.
    let _ = marked.await?;
    let mut conn = lease.app().db().conn().await?;
    let Some(infra) = instance_infra::find(&mut conn, lease.instance()).await? else {
        return Ok(None);
    };
    let tools = instance_services::load(&mut conn, lease.instance()).await?;
    Ok(Some((infra, tools)))
}

/// Destroys one tool of an instance, unless that is done.
pub(crate) async fn take_away(lease: &Lease, tool: &InstanceTool) -> Result<(), StepError> {
    let (app, instance) = (lease.app(), lease.instance());
    match tool.status {
        ToolStatus::Destroyed => return Ok(()),
        ToolStatus::Active => {}
    }
    let provider = app.providers().tool(&tool.tool)?;
    if let Some(resource) = &tool.made {
        provider.destroy(instance, resource).await?;
    }
    // The repair may have made another one since.
    if tool.made.is_none() || tool.repairing {
        provider.destroy_by_mark(instance).await?;
    }
    let id = &tool.tool;
    let gone =
        lease.write(async |conn, fence| instance_services::record_destroyed(conn, fence, id).await);
    // Where the row is gone too, there is nothing to write.
    let _ = gone.await?;
    Ok(())
}

/// Volumes and service.
async fn destroy_infra(app: &App, infra: &InstanceInfra) -> Result<(), StepError> {
    let provider = app.providers().infra(&infra.infra)?;
    match &infra.made {
        Some(handle) => provider.destroy(handle).await?,
        None => provider.destroy_by_mark(&infra.instance).await?,
    }
    Ok(())
}
