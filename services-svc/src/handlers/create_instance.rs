//! `POST /create-instance`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{CreateInstanceRequest, CreatedInstance};

use crate::app::App;
use crate::ops::create::create;

pub(crate) async fn handle(
    request: CreateInstanceRequest,
    app: App,
) -> Result<CreatedInstance, Problem> {
    app.complete("create", create(app.clone(), request)).await
}
