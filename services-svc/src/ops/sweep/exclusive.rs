//! One sweep at a time, across all replicas.

use std::time::Duration;

use agent_pool_core::wire::services::{SweepReport, SweepRequest};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::db::lock::ReplicaLock;

use super::run::run_sweep;
use crate::app::App;
use crate::db::sweep_reports;

/// Why no sweep was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SweepError {
    /// Another one is running. Nothing was done.
    #[error("a sweep is running: GET /sweep shows its report when it is done")]
    Running,
    /// The rows could not be read or written.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Sweeps now.
pub(crate) async fn sweep(app: App, request: SweepRequest) -> Result<SweepReport, SweepError> {
    let lock = lock(&app).await?.ok_or(SweepError::Running)?;
    let swept = run_sweep(&app, request).await;
    lock.release().await;
    Ok(swept?)
}

/// Sweeps, unless a replica is sweeping or has swept within half of `period`, so that many replicas do not
/// sweep more often than one.
pub(super) async fn sweep_if_due(
    app: &App,
    request: SweepRequest,
    period: Duration,
) -> Result<Option<SweepReport>, DbError> {
    let Some(lock) = lock(app).await? else {
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
        run_sweep(app, request).await.map(Some)
    };
    let swept = swept.await;
    lock.release().await;
    swept
}

async fn lock(app: &App) -> Result<Option<ReplicaLock>, DbError> {
    let name = format!("sweep of {}", app.config().general.pool_environment);
    app.db().lock(&name).await
}
