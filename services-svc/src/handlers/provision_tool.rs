//! `POST /provision/:instanceId/:toolId`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::{ProvisionToolRequest, ProvisionedToolReply};

use super::tool_id::parse_tool;
use crate::app::App;
use crate::ops::provision_tool::provision_tool;

pub(crate) async fn handle(
    instance: InstanceId,
    tool: String,
    request: ProvisionToolRequest,
    app: App,
) -> Result<ProvisionedToolReply, Problem> {
    let tool = parse_tool(&tool)?;
    let provisioned = provision_tool(app.clone(), instance, tool, request.config);
    app.complete("provision_tool", provisioned).await
}
