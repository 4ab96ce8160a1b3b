//! `DELETE /destroy/:instanceId/:toolId/:resourceId`.

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::DestroyedTool;
use agent_pool_core::{InstanceId, ResourceId, ToolId};

use crate::app::App;
use crate::ops::destroy_tool::{Target, destroy_tool};
use crate::path_segment::PathSegment;

pub(crate) async fn handle(
    instance: InstanceId,
    tool: ToolId,
    resource: PathSegment<ResourceId>,
    app: App,
) -> Result<DestroyedTool, Problem> {
    let target = Target {
        instance,
        tool,
        resource: resource.0,
    };
    app.complete("destroy_tool", destroy_tool(app.clone(), target.clone()))
        .await?;
    Ok(DestroyedTool {
        tool_id: target.tool,
        resource_id: target.resource,
        deleted: true,
    })
}
