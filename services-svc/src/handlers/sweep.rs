//! `POST /sweep` and `GET /sweep`.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::services::{SweepReport, SweepRequest};

use crate::app::App;
use crate::ops::sweep::{last_report, sweep};
use crate::problem;

pub(crate) async fn handle(request: SweepRequest, app: App) -> Result<SweepReport, Problem> {
    app.complete("sweep_request", sweep(app.clone(), request))
        .await
}

/// The report of the last sweep, periodic or requested.
pub(crate) async fn last(app: App) -> Result<SweepReport, Problem> {
    let report = last_report(&app).await;
    let report = report.map_err(|error| problem::database(&error))?;
    report.ok_or_else(|| {
        let detail = "no sweep has finished yet: POST /sweep, or wait for SWEEP_INTERVAL_MS";
        Problem::new(ProblemCode::NotSwept, detail)
    })
}
