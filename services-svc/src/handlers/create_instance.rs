//! `POST /create-instance`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{CreateInstanceRequest, CreatedInstance};

use crate::app::App;
use crate::ops::create::create;

/// Runs to its end even if the caller hangs up.
pub(crate) async fn handle(
    request: CreateInstanceRequest,
    app: App,
) -> Result<CreatedInstance, Problem> {
    Ok(app.run_to_completion(create(app.clone(), request)).await?)
}
