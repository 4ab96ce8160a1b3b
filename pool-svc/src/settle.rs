//! What becomes of an instance when the work on it ends otherwise than hoped.

use agent_pool_core::wire::pool::Status;
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use tracing::{info, warn};

use crate::app::App;
use crate::db::{instances, leases, views};
use crate::destruction;
use crate::lifecycle::{Cause, Move};

/// Gives up an instance that this task holds. Where somebody condemned it in the meantime, it is
/// only let go of.
pub(crate) async fn give_up(
    app: &App,
    step: Move,
    id: &InstanceId,
    cause: Cause,
) -> Result<(), DbError> {
    let mut conn = app.db.conn().await?;
    let moved = instances::mark(&mut conn, step, &[(id.clone(), cause)]).await?;
    if moved.is_empty() {
        leases::let_go(&mut conn, id).await?;
    } else {
        info!(instance.id = %id, "instance {id} is given up: {}", cause.as_str());
    }
    Ok(())
}

/// Lets go of an instance that was condemned while this task held it, and has it destroyed.
pub(crate) async fn let_go(app: &App, id: &InstanceId) -> Result<(), DbError> {
    leases::let_go(&mut *app.db.conn().await?, id).await?;
    destruction::begin(app).await;
    Ok(())
}

/// An instance was made that is `starting` no more. Where a tick was faster and it is idle or
/// somebody's by now, all is well. Where it is condemned, its destruction waited for this. Where its
/// row is gone, the creation outlived its lease: nobody but this task knows of it.
pub(crate) async fn created_in_vain(app: &App, id: &InstanceId) -> Result<(), DbError> {
    let status = views::find_status(&mut *app.db.conn().await?, id).await?;
    match status {
        Some(Status::Destroying) => let_go(app, id).await?,
        Some(
            Status::Starting | Status::Idle | Status::Claiming | Status::Claimed | Status::Crashed,
        ) => {}
        None => {
            warn!("instance {id} was created after its row was deleted: destroying it");
            if let Err(error) = app.services.destroy(id).await {
                warn!(
                    error.chain = chain(&error),
                    "instance {id} is nobody's: a tick finds it again"
                );
            }
        }
    }
    Ok(())
}
