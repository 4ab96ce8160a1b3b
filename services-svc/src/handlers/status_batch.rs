//! `POST /status/batch`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{StatusBatch, StatusBatchRequest};

use crate::app::App;
use crate::ops::status::status;
use crate::problem;

pub(crate) async fn handle(request: StatusBatchRequest, app: App) -> Result<StatusBatch, Problem> {
    status(&app, request.instance_ids.as_deref())
        .await
        .map_err(|error| problem::step(&error))
}
