//! `PATCH /provision/:instanceId/:toolId`.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::services::{UpdateToolRequest, UpdatedTool};
use agent_pool_core::{InstanceId, ToolId};

use crate::app::App;
use crate::ops::update_tool::update_tool;

/// A malformed tool id is answered like a tool that this build lacks.
pub(crate) async fn handle(
    instance_id: InstanceId,
    tool: String,
    request: UpdateToolRequest,
    app: App,
) -> Result<UpdatedTool, Problem> {
    let tool_id: ToolId = tool
        .parse()
        .map_err(|error| Problem::new(ProblemCode::UnknownTool, format!("{error}")))?;
    let (instance, tool) = (instance_id.clone(), tool_id.clone());
    let updated = update_tool(app.clone(), instance, tool, request.config);
    app.complete("update_tool", updated).await?;
    Ok(UpdatedTool {
        instance_id,
        tool_id,
        ok: true,
    })
}
