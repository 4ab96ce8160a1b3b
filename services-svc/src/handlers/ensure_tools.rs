//! `PUT /instances/:instanceId/tools`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{EnsureToolsRequest, EnsuredTools};

use crate::app::App;
use crate::ops::ensure_tools::ensure_tools;

pub(crate) async fn handle(
    instance: InstanceId,
    request: EnsureToolsRequest,
    app: App,
) -> Result<EnsuredTools, Problem> {
    let work = ensure_tools(app.clone(), instance, request.tools);
    app.complete("ensure_tools", work).await
}
