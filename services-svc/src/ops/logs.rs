//! `GET /logs/:instanceId`.

use agent_pool_core::{InstanceId, LogLine};

use super::configure::{ConfigureError, running};
use super::step_error::StepError;
use crate::app::App;

/// The last lines of an instance's output, oldest first.
pub(crate) async fn logs(
    app: &App,
    instance: &InstanceId,
    lines: usize,
) -> Result<Vec<LogLine>, ConfigureError> {
    let (infra, handle) = running(app, instance).await?;
    let result = infra.logs(&handle, lines).await;
    Ok(result.map_err(StepError::from)?)
}
