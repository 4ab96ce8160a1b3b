//! Finishes interrupted operations without a request: at start, and then every `INSTANCE_LEASE_MS`, in every replica.
//! `docs/adr/0009` says why.
//!
//! An unfinished row whose lease nobody holds is abandoned. A replica takes the lease, reads the rows again, and then:
//!
//! - a creation is undone, because the rows do not contain the whole request. If the caller repeats the request before
//!   that, it is completed; if after, it starts from scratch;
//! - a destruction is completed, of an instance or of one of its tools;
//! - an added tool is undone if its vendor's answer is not recorded, because its caller did not get one either. If
//!   the answer is recorded, its variables are set: the caller repeats the request and finds the tool;
//! - a repair is completed, because only this service asked for it.
//!
//! Failed recoveries are retried with growing pauses.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_pool_core::wire::services::ToolStatus;
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::shutdown::Shutdown;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use metrics::counter;
use tokio::time::sleep;
use tracing::{info, instrument, warn};

use super::add_tools::{Place, set_variables};
use super::lease::Lease;
use super::repair_tool::finish_repair;
use super::running::{RunningError, find_running};
use super::step_error::StepError;
use super::tear_down::{TearDown, tear_down};
use super::tool::undo;
use crate::app::App;
use crate::db::instance_services::{self, InstanceTool};
use crate::db::{instance_infra, instance_leases};

/// The number of instances whose operations are recovered concurrently.
const MAX_CONCURRENT: usize = 8;
/// Longest pause between two passes while something stays unfinished.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// The result of the recovery of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    Finished,
    /// A vendor failed: the rows stay, marked.
    Left,
}

/// Recovers at once and then periodically, until shutdown, which waits for a running pass.
pub(crate) async fn recover_periodically(app: App, shutdown: Shutdown) {
    let shortest = app.config().lease();
    let mut pause = shortest;
    loop {
        let left = recover(&app).await;
        pause = if left {
            (pause * 2).min(LONGEST_PAUSE).max(shortest)
        } else {
            shortest
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = shutdown.wait() => return,
        }
    }
}

/// One pass. True if anything could not be finished.
#[instrument(name = "recover", skip_all)]
async fn recover(app: &App) -> bool {
    match finish_all(app).await {
        Ok(ends) => ends.contains(&Recovery::Left),
        Err(error) => {
            warn!(error.chain = chain(&error), "the recovery could not start");
            true
        }
    }
}

async fn finish_all(app: &App) -> Result<Vec<Recovery>, DbError> {
    let mut conn = app.db().conn().await?;
    instance_leases::delete_expired(&mut conn, app.config().lease()).await?;
    let abandoned = instance_infra::find_abandoned(&mut conn).await?;
    drop(conn);
    let attempts: Vec<_> = abandoned.iter().map(|one| finish(app, one)).collect();
    Ok(stream::iter(attempts)
        .buffer_unordered(MAX_CONCURRENT)
        .collect()
        .await)
}

async fn finish(app: &App, instance: &InstanceId) -> Recovery {
    let finished = async {
        match Lease::take(app, instance).await? {
            Some(lease) => lease.hold(finish_leased(&lease)).await,
            // Another operation is working on it again.
            None => Ok(Recovery::Finished),
        }
    };
    finished.await.unwrap_or_else(|error: RunningError| {
        warn!(
            instance.id = %instance,
            error.chain = chain(&error),
            "the unfinished operation on instance {instance} cannot be finished yet"
        );
        Recovery::Left
    })
}

async fn finish_leased(lease: &Lease) -> Result<Recovery, RunningError> {
    let (app, instance) = (lease.app(), lease.instance());
    let mut conn = app.db().conn().await?;
    let infra = instance_infra::find(&mut conn, instance).await?;
    let tools = instance_services::load(&mut conn, instance).await?;
    drop(conn);
    match infra {
        None => Ok(Recovery::Finished),
        Some(infra) if infra.started && !infra.destroying => {
            let ends = join_all(tools.iter().map(|tool| finish_tool(lease, tool))).await;
            ends.into_iter().collect::<Result<(), _>>()?;
            Ok(Recovery::Finished)
        }
        Some(infra) => {
            let what = if infra.destroying {
                "destruction"
            } else {
                "creation"
            };
            match tear_down(lease).await? {
                TearDown::Incomplete(_) => Ok(Recovery::Left),
                TearDown::Complete(_) | TearDown::NotFound => {
                    record_recovery(instance, what);
                    Ok(Recovery::Finished)
                }
            }
        }
    }
}

async fn finish_tool(lease: &Lease, tool: &InstanceTool) -> Result<(), RunningError> {
    if tool.status == ToolStatus::Destroyed {
        return Ok(());
    }
    if tool.destroying || tool.made.is_none() {
        undo(lease, &tool.tool).await?;
        record_recovery(lease.instance(), "tool");
    } else if tool.repairing {
        finish_repair(lease, &tool.tool).await?;
        record_recovery(lease.instance(), "repair");
    } else if tool.unset {
        finish_setting(lease, tool).await?;
        record_recovery(lease.instance(), "configuration");
    }
    Ok(())
}

/// Sets the variables of a tool that was made for an instance.
async fn finish_setting(lease: &Lease, tool: &InstanceTool) -> Result<(), RunningError> {
    let (app, instance) = (lease.app(), lease.instance());
    let (infra, handle) = &find_running(app, instance).await?;
    let env = tool.env.open(app.cipher(), instance, &tool.tool);
    let tools = BTreeMap::from([(tool.tool.clone(), env.map_err(StepError::from)?)]);
    Ok(set_variables(lease, Place { infra, handle }, &tools).await?)
}

fn record_recovery(instance: &InstanceId, what: &'static str) {
    counter!("agent_pool_recovered_total", "what" => what).increment(1);
    info!(instance.id = %instance, "the interrupted {what} of instance {instance} is finished");
}
