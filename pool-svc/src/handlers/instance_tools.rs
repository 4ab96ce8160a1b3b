//! The tools of one instance, for operators and for its agent.

use agent_pool_core::wire::pool::{AddedTool, ReleasedTool};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{InstanceId, ToolId};
use agent_pool_service_kit::auth::Presented;

use crate::ops::instance_tools::ToolRequest;
use crate::pool::Pool;

/// `POST /api/pool/instances/:id/tools/:tool`
pub(crate) async fn add(
    id: InstanceId,
    tool: ToolId,
    presented: Presented,
    pool: Pool,
) -> Result<AddedTool, Problem> {
    let request = ToolRequest::admit(pool.app, id, tool, &presented).await?;
    // It continues if the caller hangs up, so that the log is complete.
    pool.background
        .tasks
        .spawn("add_tool", request.add())
        .await?
}

/// `DELETE /api/pool/instances/:id/tools/:tool`
pub(crate) async fn release(
    id: InstanceId,
    tool: ToolId,
    presented: Presented,
    pool: Pool,
) -> Result<ReleasedTool, Problem> {
    let request = ToolRequest::admit(pool.app, id, tool, &presented).await?;
    let work = request.release();
    pool.background.tasks.spawn("release_tool", work).await?
}
