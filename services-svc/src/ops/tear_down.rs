//! Takes an instance down as far as possible: the end of a destruction, and the undo of a creation.
//!
//! It reads the rows, so that it can be repeated after any failure or crash until nothing is left. What
//! the vendors no longer have counts as destroyed.

use std::fmt;

use agent_pool_core::wire::services::Destroyed;
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use tracing::{info, warn};

use super::lease::Lease;
use super::step_error::StepError;
use super::tool::destroy_and_record;
use crate::app::App;
use crate::db::instance_infra::{self, InstanceInfra};
use crate::db::instance_services::{self, InstanceTool};

/// What could not be destroyed. Its row stays, marked, for the next attempt.
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
    NotFound,
    /// Nothing is left of it.
    Complete(Destroyed),
    /// These are left: at least one.
    Incomplete(Vec<Leftover>),
}

/// How far the undo of a failed operation came.
#[derive(Debug)]
pub(crate) enum Undo {
    /// Nothing is left.
    Complete,
    /// These are left, marked.
    Partial(Vec<Leftover>),
    /// The rows could not be read: everything may be left.
    NotStarted,
}

impl Undo {
    /// An undo is a tear-down.
    pub(crate) fn new(instance: &InstanceId, result: Result<TearDown, DbError>) -> Self {
        match result {
            Ok(TearDown::Complete(_) | TearDown::NotFound) => Self::Complete,
            Ok(TearDown::Incomplete(left)) => Self::Partial(left),
            Err(error) => {
                warn!(
                    instance.id = %instance,
                    error.chain = chain(&error),
                    "the undo of instance {instance} did not begin"
                );
                Self::NotStarted
            }
        }
    }
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("everything made for it is undone"),
            Self::Partial(left) => {
                let names: Vec<&str> = left.iter().map(|one| one.provider.as_str()).collect();
                let names = names.join(", ");
                write!(
                    f,
                    "DELETE /destroy removes what could not be undone ({names})"
                )
            }
            Self::NotStarted => f.write_str("DELETE /destroy removes what was made for it"),
        }
    }
}

/// Destroys the tools side by side, then the infra, then the rows.
pub(crate) async fn tear_down(lease: &Lease) -> Result<TearDown, DbError> {
    let (app, instance) = (lease.app(), lease.instance());
    let marked =
        lease.write(async |conn, fence| instance_infra::mark_destroying(conn, fence).await);
    // Whether there is a row, and since when it is marked, the next look tells.
    let _ = marked.await?;
    let mut conn = app.db().conn().await?;
    let Some(infra) = instance_infra::find(&mut conn, instance).await? else {
        return Ok(TearDown::NotFound);
    };
    let tools = instance_services::load(&mut conn, instance).await?;
    drop(conn);
    let left = destroy_all(lease, &infra, &tools).await;
    if !left.is_empty() {
        return Ok(TearDown::Incomplete(left));
    }
    // If the row is not there any more, that is the same result.
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

async fn destroy_all(
    lease: &Lease,
    infra: &InstanceInfra,
    tools: &[InstanceTool],
) -> Vec<Leftover> {
    let results = join_all(tools.iter().map(|tool| destroy_and_record(lease, tool))).await;
    let results = tools.iter().map(|tool| tool.tool.as_str()).zip(results);
    let infra_result = destroy_infra(lease.app(), infra).await;
    let results = results.chain([(infra.infra.as_str(), infra_result)]);
    leftovers(lease.instance(), results)
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
            "what {provider} has of instance {instance} could not be destroyed; its row stays"
        );
        let provider = provider.to_owned();
        Some(Leftover { provider, cause })
    });
    failed.collect()
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
