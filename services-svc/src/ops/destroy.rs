//! `DELETE /destroy/:instanceId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::DestroyedInstance;
use agent_pool_service_kit::db::DbError;

use super::lease::Lease;
use super::local::take_back;
use super::refusal::Refusal;
use super::tear_down::{Leftover, TornDown, tear_down};
use crate::app::App;

/// Why an instance is not gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DestroyError {
    /// Nothing was done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Some of it is destroyed; the rest stays known, and a repeated call goes on.
    #[error("instance {instance} is not all destroyed")]
    Incomplete {
        instance: InstanceId,
        left: Vec<Leftover>,
    },
    /// The rows could not be read or written.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Destroys an instance with all that it has, or the tools of a developer's own machine.
pub(crate) async fn destroy(
    app: App,
    instance: InstanceId,
) -> Result<DestroyedInstance, DestroyError> {
    let lease = Lease::wait_for::<DestroyError>(&app, &instance).await?;
    match lease.hold(destroy_alone(&lease)).await? {
        TornDown::Unknown => Err(Refusal::Unknown(instance).into()),
        TornDown::Partly(left) => Err(DestroyError::Incomplete { instance, left }),
        TornDown::Gone(destroyed) => Ok(DestroyedInstance {
            instance_id: instance,
            destroyed,
        }),
    }
}

async fn destroy_alone(lease: &Lease) -> Result<TornDown, DestroyError> {
    match tear_down(lease).await? {
        TornDown::Unknown => Ok(take_back(lease.app(), lease.instance()).await?),
        known @ (TornDown::Gone(_) | TornDown::Partly(_)) => Ok(known),
    }
}
