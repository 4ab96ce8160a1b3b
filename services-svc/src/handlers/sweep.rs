//! `POST /sweep`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{SweepReport, SweepRequest};

use crate::app::App;
use crate::ops::sweep::{Orphans, sweep};
use crate::problem;

pub(crate) async fn handle(request: SweepRequest, app: App) -> Result<SweepReport, Problem> {
    let orphans = if request.destroy {
        Orphans::Destroy
    } else {
        Orphans::Report
    };
    let swept = app.finish(sweep(app.clone(), orphans)).await;
    swept.map_err(|error| problem::database(&error))
}
