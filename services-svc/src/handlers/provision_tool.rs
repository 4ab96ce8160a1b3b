//! `POST /provision/:instanceId/:toolId`.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::services::{ProvisionToolRequest, ProvisionedToolReply};
use agent_pool_core::{InstanceId, ToolId};

use crate::app::App;
use crate::ops::provision::provision;

/// A path with a word that can be no tool's is answered as one with a tool that this build lacks.
pub(crate) async fn handle(
    instance: InstanceId,
    tool: String,
    request: ProvisionToolRequest,
    app: App,
) -> Result<ProvisionedToolReply, Problem> {
    let tool: ToolId = tool
        .parse()
        .map_err(|error| Problem::new(ProblemCode::UnknownTool, format!("{error}")))?;
    let provisioned = provision(app.clone(), instance, tool, request.config);
    Ok(app.finish(provisioned).await?)
}
