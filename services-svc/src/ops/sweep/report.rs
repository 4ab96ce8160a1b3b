//! The report of the last sweep.

use agent_pool_core::chain;
use agent_pool_core::wire::services::SweepReport;
use agent_pool_service_kit::db::DbError;
use tracing::warn;

use crate::app::App;
use crate::db::sweep_reports;

/// What the last sweep found; `None` before the first.
pub(crate) async fn last_report(app: &App) -> Result<Option<SweepReport>, DbError> {
    let environment = &app.config().general.pool_environment;
    sweep_reports::find_last(&mut *app.db().conn().await?, environment).await
}

/// Like [`last_report`], for the next sweep. A report of another version that cannot be read counts as none.
pub(super) async fn previous_report(app: &App) -> Result<Option<SweepReport>, DbError> {
    match last_report(app).await {
        Err(error @ DbError::CorruptRow { .. }) => {
            warn!(
                error.chain = chain(&error),
                "the last sweep report cannot be read"
            );
            Ok(None)
        }
        read => read,
    }
}
