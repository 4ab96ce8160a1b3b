//! Settles an instance after work on it has ended, in particular if it did not end as planned.

use agent_pool_core::wire::pool::Status;
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncConnection;
use tracing::{info, warn};

use super::destruction::Destructions;
use crate::app::App;
use crate::db::{creation_failures, explain, instances, leases, views};
use crate::lifecycle::{Cause, Move};

/// Makes new instances idle after a successful health check. Returns those that were starting.
pub(crate) async fn become_idle(
    app: &App,
    ids: Vec<InstanceId>,
) -> Result<Vec<InstanceId>, DbError> {
    let causes: Vec<_> = ids.into_iter().map(|id| (id, Cause::Healthy)).collect();
    let mut conn = app.db.conn().await?;
    let moved = instances::mark(&mut conn, Move::BECOME_IDLE, &causes).await?;
    for id in &moved {
        info!(instance.id = %id, "instance {id} became idle");
    }
    if !moved.is_empty() {
        instances::notify_waiting_claims(&mut conn).await?;
        creation_failures::forget_never_ready(&mut conn, &moved).await?;
    }
    Ok(moved)
}

/// Condemns an instance whose lease this task holds, and releases the lease. If another task condemned
/// it meanwhile, only the lease is released. `reason` is stored in the log beside the cause.
pub(crate) async fn give_up(
    app: &App,
    step: Move,
    id: &InstanceId,
    cause: Cause,
    reason: &str,
) -> Result<(), DbError> {
    let mut conn = app.db.conn().await?;
    let marked = conn.transaction(async |conn| {
        explain::set_reason(conn, reason).await?;
        instances::mark(conn, step, &[(id.clone(), cause)]).await
    });
    let moved = marked.await?;
    if moved.is_empty() {
        leases::release_destroying(&mut conn, id).await?;
    } else {
        info!(instance.id = %id, "instance {id} is given up: {}", cause.as_str());
    }
    Ok(())
}

/// Releases the lease of an instance that was condemned while this task held it, and starts its destruction.
pub(crate) async fn release_condemned(
    app: &App,
    destructions: &Destructions,
    id: &InstanceId,
) -> Result<(), DbError> {
    leases::release_destroying(&mut *app.db.conn().await?, id).await?;
    destructions.start_pending().await;
    Ok(())
}

/// Called when an instance was created but its row is no longer `starting`.
///
/// If a tick already made it idle, there is nothing to do. If it was condemned, its destruction has been waiting for
/// the creation to end. If its row was deleted, the creation outlived its lease, and only this task knows about the
/// instance.
pub(crate) async fn created_too_late(
    app: &App,
    destructions: &Destructions,
    id: &InstanceId,
) -> Result<(), DbError> {
    let status = views::find_status(&mut *app.db.conn().await?, id).await?;
    match status {
        Some(Status::Destroying) => release_condemned(app, destructions, id).await?,
        Some(
            Status::Starting | Status::Idle | Status::Claiming | Status::Claimed | Status::Crashed,
        ) => {}
        None => {
            warn!("instance {id} was created after its row was deleted: destroying it");
            if let Err(error) = app.services.destroy(id).await {
                warn!(
                    error.chain = chain(&error),
                    "instance {id} has no row and was not destroyed: a later tick will find it"
                );
            }
        }
    }
    Ok(())
}
