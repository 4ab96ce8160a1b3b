//! Tools that are added to an existing instance or removed from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EnvVars, InstanceId, ToolId};

/// The answer to `POST /api/pool/instances/:id/tools/:tool`: the instance has the tool.
///
/// ```
/// # use {agent_pool_core::wire::pool::AddedTool, serde_json::json};
/// let body = json!({
///     "instanceId": "k3v9x0a1b2c3", "tool": "telnyx", "delivered": true,
///     "variables": { "TELNYX_API_KEY": "hunter2" },
/// });
/// let added: AddedTool = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&added)?, body, "in the clear for the instance itself");
/// assert!(!format!("{added:?}").contains("hunter2"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedTool {
    /// The instance.
    pub instance_id: InstanceId,
    /// The tool.
    pub tool: ToolId,
    /// Whether the agent has received the variables of the tool. If not, it has them from its next deployment on.
    pub delivered: bool,
    /// The variables of the tool, if the instance itself asked.
    #[serde(
        default,
        skip_serializing_if = "EnvVars::is_empty",
        serialize_with = "EnvVars::expose_all"
    )]
    pub variables: EnvVars,
}

/// The answer to `DELETE /api/pool/instances/:id/tools/:tool`: the instance does not have the tool.
///
/// ```
/// # use agent_pool_core::wire::pool::ReleasedTool;
/// let body = r#"{"instanceId":"k3v9x0a1b2c3","tool":"telnyx","delivered":false}"#;
/// let released: ReleasedTool = serde_json::from_str(body)?;
/// assert_eq!(serde_json::to_string(&released)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleasedTool {
    /// The instance.
    pub instance_id: InstanceId,
    /// The tool.
    pub tool: ToolId,
    /// Whether the agent was notified. If not, it keeps the invalid variables until its next deployment.
    pub delivered: bool,
}
