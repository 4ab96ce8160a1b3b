//! One sweep at a time, among all replicas.

use std::time::Duration;

use agent_pool_core::wire::services::{SweepReport, SweepRequest};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::db::lock::ReplicaLock;

use super::run::sweep_alone;
use crate::app::App;
use crate::db::sweep_reports;

/// Why there was no sweep.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SweepError {
    /// One is under way. Nothing was done.
    #[error("a sweep is under way: GET /sweep tells what it found when it is done")]
    Running,
    /// The rows could not be read or written.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Sweeps now.
pub(crate) async fn sweep(app: App, wanted: SweepRequest) -> Result<SweepReport, SweepError> {
    let lock = lock(&app).await?.ok_or(SweepError::Running)?;
    let swept = sweep_alone(&app, wanted).await;
    lock.release().await;
    Ok(swept?)
}

/// Sweeps, unless some replica does, or did within half of `period`: so that many replicas do not
/// sweep more often than one.
pub(super) async fn sweep_in_turn(
    app: App,
    wanted: SweepRequest,
    period: Duration,
) -> Result<Option<SweepReport>, DbError> {
    let Some(lock) = lock(&app).await? else {
        return Ok(None);
    };
    let swept = async {
        let environment = &app.config().general.pool_environment;
        let mut conn = app.db().conn().await?;
        let recent = sweep_reports::is_recent(&mut conn, environment, period / 2).await?;
        drop(conn);
        if recent {
            return Ok(None);
        }
        sweep_alone(&app, wanted).await.map(Some)
    };
    let swept = swept.await;
    lock.release().await;
    swept
}

/// What the last sweep found; `None` before the first.
pub(crate) async fn last_report(app: &App) -> Result<Option<SweepReport>, DbError> {
    let environment = &app.config().general.pool_environment;
    sweep_reports::last(&mut *app.db().conn().await?, environment).await
}

async fn lock(app: &App) -> Result<Option<ReplicaLock>, DbError> {
    let general = &app.config().general;
    let name = format!("sweep of {}", general.pool_environment);
    ReplicaLock::try_take(&general.services_database_url, &name).await
}
