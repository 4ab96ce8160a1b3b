//! The infra of an instance, for operations on instances whose creation is complete.

use agent_pool_core::{InfraHandle, InstanceId};
use agent_pool_service_kit::db::DbError;

use super::precondition::PreconditionError;
use super::step_error::StepError;
use crate::app::App;
use crate::db::instance_infra;
use crate::providers::Infra;

/// Why an operation on a running instance failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunningError {
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The rows or a vendor failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for RunningError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

/// The infra of an instance whose creation is complete and that is not being destroyed.
pub(crate) async fn find_running(
    app: &App,
    instance: &InstanceId,
) -> Result<(Infra, InfraHandle), RunningError> {
    let mut conn = app.db().conn().await?;
    let row = instance_infra::find(&mut conn, instance).await?;
    drop(conn);
    let row = row.ok_or_else(|| PreconditionError::Unknown(instance.clone()))?;
    if row.destroying {
        return Err(PreconditionError::Destroying(instance.clone()).into());
    }
    let handle = row.made.filter(|_| row.started);
    let handle = handle.ok_or_else(|| PreconditionError::Unfinished(instance.clone()))?;
    let infra = app.providers().infra(&row.infra).map_err(StepError::from)?;
    Ok((infra, handle))
}
