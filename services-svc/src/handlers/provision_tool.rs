//! `POST /provision/:instanceId/:toolId`.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::services::{ProvisionToolRequest, ProvisionedToolReply};
use agent_pool_core::{InstanceId, ToolId};

use crate::app::App;
use crate::ops::provision_tool::provision_tool;

/// A malformed tool id is answered like a tool that this build lacks.
pub(crate) async fn handle(
    instance: InstanceId,
    tool: String,
    request: ProvisionToolRequest,
    app: App,
) -> Result<ProvisionedToolReply, Problem> {
    let tool: ToolId = tool
        .parse()
        .map_err(|error| Problem::new(ProblemCode::UnknownTool, format!("{error}")))?;
    let provisioned = provision_tool(app.clone(), instance, tool, request.config);
    app.complete("provision_tool", provisioned).await
}
