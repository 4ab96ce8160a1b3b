//! Tears an instance down as far as possible: for a destruction, and to undo a creation.
//!
//! It works from the rows, so that it can be repeated after any failure or crash until nothing is left. A resource that
//! the vendor no longer has counts as destroyed.

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

/// A resource that could not be destroyed. Its row stays, marked, for the next attempt.
#[derive(Debug)]
pub(crate) struct Leftover {
    /// The provider that has it.
    pub(crate) provider: String,
    /// Why it could not be destroyed.
    pub(crate) cause: StepError,
}

/// The result of a tear-down.
#[derive(Debug)]
pub(crate) enum TearDown {
    /// There was no such instance.
    NotFound,
    /// Nothing is left of it.
    Complete(Destroyed),
    /// These are left: at least one.
    Incomplete(Vec<Leftover>),
}

/// The result of undoing a failed operation.
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
    /// Converts the result of a tear-down.
    pub(crate) fn new<E: std::error::Error + 'static>(
        instance: &InstanceId,
        result: Result<TearDown, E>,
    ) -> Self {
        match result {
            Ok(TearDown::Complete(_) | TearDown::NotFound) => Self::Complete,
            Ok(TearDown::Incomplete(left)) => Self::Partial(left),
            Err(error) => {
                warn!(
                    instance.id = %instance,
                    error.chain = chain(&error),
                    "the undo of instance {instance} could not start"
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

/// Destroys the tools concurrently, then the infra, then the rows.
pub(crate) async fn tear_down(lease: &Lease) -> Result<TearDown, DbError> {
    let (app, instance) = (lease.app(), lease.instance());
    let marked =
        lease.write(async |conn, fence| instance_infra::mark_destroying(conn, fence).await);
    // The result does not matter: the rows are read next.
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
    // A row that no longer exists is the same result.
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

/// Logs the failures and returns them.
pub(crate) fn leftovers<'a>(
    instance: &InstanceId,
    results: impl Iterator<Item = (&'a str, Result<(), StepError>)>,
) -> Vec<Leftover> {
    let failed = results.filter_map(|(provider, result)| {
        let cause = result.err()?;
        warn!(
            instance.id = %instance,
            error.chain = chain(&cause),
            "the resource of instance {instance} at {provider} could not be destroyed; its row stays"
        );
        let provider = provider.to_owned();
        Some(Leftover { provider, cause })
    });
    failed.collect()
}

/// Destroys volumes and service.
async fn destroy_infra(app: &App, infra: &InstanceInfra) -> Result<(), StepError> {
    let provider = app.providers().infra(&infra.infra)?;
    match &infra.made {
        Some(handle) => provider.destroy(handle).await?,
        None => provider.destroy_by_mark(&infra.instance).await?,
    }
    Ok(())
}
