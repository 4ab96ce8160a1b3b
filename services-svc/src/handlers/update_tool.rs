//! `PATCH /provision/:instanceId/:toolId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{UpdateToolRequest, UpdatedTool};

use super::tool_id::parse_tool;
use crate::app::App;
use crate::ops::update_tool::update_tool;

pub(crate) async fn handle(
    instance_id: InstanceId,
    tool: String,
    request: UpdateToolRequest,
    app: App,
) -> Result<UpdatedTool, Problem> {
    let tool_id = parse_tool(&tool)?;
    let (instance, tool) = (instance_id.clone(), tool_id.clone());
    let updated = update_tool(app.clone(), instance, tool, request.config);
    app.complete("update_tool", updated).await?;
    Ok(UpdatedTool {
        instance_id,
        tool_id,
        ok: true,
    })
}
