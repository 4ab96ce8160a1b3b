//! `DELETE /instances/:instanceId/tools/:toolId`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::RemovedTool;
use agent_pool_core::{InstanceId, ToolId};

use crate::app::App;
use crate::ops::remove_tool::remove_tool;

pub(crate) async fn handle(
    instance: InstanceId,
    tool: ToolId,
    app: App,
) -> Result<RemovedTool, Problem> {
    let work = remove_tool(app.clone(), instance, tool);
    app.complete("remove_tool", work).await
}
