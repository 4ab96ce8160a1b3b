//! `POST /configure/:instanceId` and `POST /redeploy/:instanceId`.

use agent_pool_core::{EnvVars, InfraHandle, InstanceId, Redeploy};
use agent_pool_service_kit::db::DbError;

use super::lease::Lease;
use super::precondition::PreconditionError;
use super::step_error::StepError;
use crate::app::App;
use crate::db::instance_infra;
use crate::providers::Infra;

/// Why an instance was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigureError {
    /// Nothing was done.
    #[error(transparent)]
    Refused(#[from] PreconditionError),
    /// The rows or the infra failed.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for ConfigureError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

/// Sets variables of an instance.
pub(crate) async fn configure(
    app: App,
    instance: InstanceId,
    variables: EnvVars,
    redeploy: Redeploy,
) -> Result<(), ConfigureError> {
    let lease = Lease::wait_for::<ConfigureError>(&app, &instance).await?;
    let set = async {
        let (infra, handle) = running(&app, &instance).await?;
        let result = infra.configure(&handle, &variables, redeploy).await;
        Ok(result.map_err(StepError::from)?)
    };
    lease.hold(set).await
}

/// Deploys an instance again.
pub(crate) async fn redeploy(app: App, instance: InstanceId) -> Result<(), ConfigureError> {
    let lease = Lease::wait_for::<ConfigureError>(&app, &instance).await?;
    let deployed = async {
        let (infra, handle) = running(&app, &instance).await?;
        Ok(infra.redeploy(&handle).await.map_err(StepError::from)?)
    };
    lease.hold(deployed).await
}

/// Where an instance runs that was made and is to stay.
pub(crate) async fn running(
    app: &App,
    instance: &InstanceId,
) -> Result<(Infra, InfraHandle), ConfigureError> {
    let found = async {
        let mut conn = app.db().conn().await?;
        instance_infra::find(&mut conn, instance).await
    };
    let row = found.await.map_err(StepError::from)?;
    let row = row.ok_or_else(|| PreconditionError::Unknown(instance.clone()))?;
    if row.destroying {
        return Err(PreconditionError::Destroying(instance.clone()).into());
    }
    let handle = row.made.filter(|_| row.started);
    let handle = handle.ok_or_else(|| PreconditionError::Unfinished(instance.clone()))?;
    let infra = app.providers().infra(&row.infra).map_err(StepError::from)?;
    Ok((infra, handle))
}
