//! `GET /logs/:instanceId`.

use agent_pool_core::{InstanceId, LogLine};

use super::running::{RunningError, find_running};
use super::step_error::StepError;
use crate::app::App;

/// The last lines of an instance's output, oldest first.
pub(crate) async fn logs(
    app: &App,
    instance: &InstanceId,
    lines: usize,
) -> Result<Vec<LogLine>, RunningError> {
    let (infra, handle) = find_running(app, instance).await?;
    let read = infra.logs(&handle, lines).await;
    Ok(read.map_err(StepError::from)?)
}
