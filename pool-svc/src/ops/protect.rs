//! Protects instances: a protected instance is never claimed, drained, replaced or killed.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::db::DbError;
use tracing::info;

use crate::app::App;
use crate::background::Background;
use crate::db::guards::{self, Guarded, Protection};

/// Why an instance cannot be protected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtectError {
    #[error("there is no instance {0}")]
    Unknown(InstanceId),
    #[error("instance {id} is {}: only idle, claimed and crashed ones can be protected", status.as_str())]
    Status { id: InstanceId, status: Status },
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Protects an instance, or removes its protection. Idempotent.
pub(crate) async fn protect(
    app: &App,
    background: &Background,
    id: &InstanceId,
    protection: Protection,
) -> Result<(), ProtectError> {
    let mut conn = app.db.conn().await?;
    // Another move may come in between; then the new status decides. Each round finds the instance further along in its
    // life cycle, so the loop ends.
    loop {
        let found = guards::find(&mut conn, id).await?;
        let Guarded { status, protected } =
            found.ok_or_else(|| ProtectError::Unknown(id.clone()))?;
        if protected == (protection == Protection::On) {
            return Ok(());
        }
        let stays = matches!(status, Status::Idle | Status::Claimed | Status::Crashed);
        if protection == Protection::On && !stays {
            let id = id.clone();
            return Err(ProtectError::Status { id, status });
        }
        if guards::protect(&mut conn, id, status, protection).await? {
            let word = match protection {
                Protection::On => "is protected",
                Protection::Off => "is no longer protected",
            };
            info!(instance.id = %id, "instance {id} {word}");
            // A protected instance does not count as an idle one.
            background.request_replenish();
            return Ok(());
        }
    }
}
