//! `DELETE /destroy/:instanceId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::DestroyedInstance;
use agent_pool_service_kit::db::DbError;

use super::lease::Lease;
use super::local_tools::destroy_grant;
use super::precondition::PreconditionError;
use super::tear_down::{Leftover, TearDown, tear_down};
use crate::app::App;

/// Why an instance was not destroyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DestroyError {
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// Part of it is destroyed. The rest keeps its rows, and a repeated call continues.
    #[error("instance {instance} is not completely destroyed")]
    Incomplete {
        instance: InstanceId,
        left: Vec<Leftover>,
    },
    /// The rows could not be read or written.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Destroys an instance with all its tools, or a developer's local tools.
pub(crate) async fn destroy(
    app: App,
    instance: InstanceId,
) -> Result<DestroyedInstance, DestroyError> {
    let lease = Lease::wait_for::<DestroyError>(&app, &instance).await?;
    let result = lease.hold(destroy_leased(&lease)).await?;
    answer(instance, result)
}

/// Destroys a developer's local tools, and never an instance.
pub(crate) async fn destroy_local(
    app: App,
    instance: InstanceId,
) -> Result<DestroyedInstance, DestroyError> {
    let lease = Lease::wait_for::<DestroyError>(&app, &instance).await?;
    let work = async { Ok::<_, DestroyError>(destroy_grant(&app, &instance).await?) };
    let result = lease.hold(work).await?;
    answer(instance, result)
}

fn answer(instance: InstanceId, result: TearDown) -> Result<DestroyedInstance, DestroyError> {
    match result {
        TearDown::NotFound => Err(PreconditionError::Unknown(instance).into()),
        TearDown::Incomplete(left) => Err(DestroyError::Incomplete { instance, left }),
        TearDown::Complete(destroyed) => Ok(DestroyedInstance {
            instance_id: instance,
            destroyed,
        }),
    }
}

async fn destroy_leased(lease: &Lease) -> Result<TearDown, DestroyError> {
    match tear_down(lease).await? {
        TearDown::NotFound => Ok(destroy_grant(lease.app(), lease.instance()).await?),
        known @ (TearDown::Complete(_) | TearDown::Incomplete(_)) => Ok(known),
    }
}
