//! `POST /configure/:instanceId` and `POST /redeploy/:instanceId`.

use agent_pool_core::{EnvVars, InstanceId, Redeploy};

use super::lease::Lease;
use super::running::{RunningError, find_running};
use super::step_error::StepError;
use crate::app::App;

/// Sets variables of an instance.
pub(crate) async fn configure(
    app: App,
    instance: InstanceId,
    variables: EnvVars,
    redeploy: Redeploy,
) -> Result<(), RunningError> {
    let lease = Lease::wait_for::<RunningError>(&app, &instance).await?;
    let work = async {
        let (infra, handle) = find_running(&app, &instance).await?;
        let configured = infra.configure(&handle, &variables, redeploy).await;
        Ok(configured.map_err(StepError::from)?)
    };
    lease.hold(work).await
}

/// Deploys an instance again.
pub(crate) async fn redeploy(app: App, instance: InstanceId) -> Result<(), RunningError> {
    let lease = Lease::wait_for::<RunningError>(&app, &instance).await?;
    let work = async {
        let (infra, handle) = find_running(&app, &instance).await?;
        Ok(infra.redeploy(&handle).await.map_err(StepError::from)?)
    };
    lease.hold(work).await
}
