//! What was cut off is driven to an end without being asked: at start, and then every
//! `INSTANCE_LEASE_MS`, by every replica. `docs/adr/0009` says why so.
//!
//! A row that is unfinished and whose lease nobody holds is abandoned. Under the lease, from the rows as
//! they are by then:
//!
//! - a creation that was not done is undone: what it was asked for is not all in the rows. A caller who
//!   repeats it either comes first, and it is completed, or comes after, and it is begun anew;
//! - a destruction is completed, of an instance or of one of its tools;
//! - a further tool is undone, as its caller never had an answer;
//! - a repair is completed, as nobody but us asked for it.
//!
//! What fails is tried again, with pauses that grow.

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

use super::configure::ConfigureError;
use super::lease::Lease;
use super::tool::undo;
use super::repair_tool::finish_repair;
use super::tear_down::{TearDown, tear_down};
use crate::app::App;
use crate::db::instance_services::{self, InstanceTool};
use crate::db::{instance_infra, instance_leases, unfinished};

/// Of how many instances the work is finished at once.
const AT_ONCE: usize = 8;
/// Longest pause between two passes where something stays unfinished.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// How far the work on one instance came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Finished,
    /// A vendor failed: the rows stay, marked.
    Left,
}

/// Recovers at once and then periodically, until shutdown. What is under way then, the drain awaits.
pub(crate) async fn recover_periodically(app: App, shutdown: Shutdown) {
    let shortest = app.config().lease();
    let mut pause = shortest;
    loop {
        let left = tokio::select! {
            left = app.run_to_completion(recover(app.clone())) => left,
            () = shutdown.wait() => return,
        };
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

/// One pass. Whether anything could not be finished.
#[instrument(name = "recover", skip_all)]
async fn recover(app: App) -> bool {
    match finish_all(&app).await {
        Ok(ends) => ends.contains(&End::Left),
        Err(error) => {
            warn!(error.chain = chain(&error), "the recovery did not begin");
            true
        }
    }
}

async fn finish_all(app: &App) -> Result<Vec<End>, DbError> {
    let mut conn = app.db().conn().await?;
    instance_leases::forget_dead(&mut conn, app.config().lease()).await?;
    let abandoned = unfinished::abandoned(&mut conn).await?;
    drop(conn);
    let attempts: Vec<_> = abandoned.iter().map(|one| finish(app, one)).collect();
    Ok(stream::iter(attempts)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await)
}

async fn finish(app: &App, instance: &InstanceId) -> End {
    let finished = async {
        match Lease::take(app, instance).await? {
            Some(lease) => lease.hold(finish_alone(&lease)).await,
            // Somebody is at work on it again.
            None => Ok(End::Finished),
        }
    };
    finished.await.unwrap_or_else(|error: ConfigureError| {
        warn!(
            instance.id = %instance,
            error.chain = chain(&error),
            "what was begun on instance {instance} is not finished yet"
        );
        End::Left
    })
}

async fn finish_alone(lease: &Lease) -> Result<End, ConfigureError> {
    let (app, instance) = (lease.app(), lease.instance());
    let mut conn = app.db().conn().await?;
    let infra = instance_infra::find(&mut conn, instance).await?;
    let tools = instance_services::load(&mut conn, instance).await?;
    drop(conn);
    match infra {
        None => Ok(End::Finished),
        Some(infra) if infra.started && !infra.destroying => {
            let ends = join_all(tools.iter().map(|tool| finish_tool(lease, tool))).await;
            ends.into_iter().collect::<Result<(), _>>()?;
            Ok(End::Finished)
        }
        Some(infra) => {
            let what = if infra.destroying {
                "destruction"
            } else {
                "creation"
            };
            match tear_down(lease).await? {
                TearDown::Incomplete(_) => Ok(End::Left),
                TearDown::Complete(_) | TearDown::NotFound => {
                    recovered(instance, what);
                    Ok(End::Finished)
                }
            }
        }
    }
}

async fn finish_tool(lease: &Lease, tool: &InstanceTool) -> Result<(), ConfigureError> {
    if tool.status == ToolStatus::Destroyed {
        return Ok(());
    }
    if tool.destroying || tool.made.is_none() {
        undo(lease, &tool.tool).await?;
        recovered(lease.instance(), "tool");
    } else if tool.repairing {
        repair_alone(lease, &tool.tool).await?;
        recovered(lease.instance(), "repair");
    }
    Ok(())
}

fn recovered(instance: &InstanceId, what: &'static str) {
    counter!("agent_pool_recovered_total", "what" => what).increment(1);
    info!(instance.id = %instance, "the {what} of instance {instance} that was cut off is finished");
}
