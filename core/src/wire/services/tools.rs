//! The tools of an existing instance, named by tool and not by resource.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ToolResource;
use crate::{EnvName, EnvVars, InstanceId, Price, ToolId};

/// `PUT /instances/:instanceId/tools`: the instance gets these tools in addition. Existing ones are not changed;
/// missing ones are created concurrently, all or none.
///
/// ```
/// # use agent_pool_core::wire::services::EnsureToolsRequest;
/// let request: EnsureToolsRequest = serde_json::from_str(r#"{"tools": ["telnyx"]}"#)?;
/// assert_eq!(request.tools[0].as_str(), "telnyx");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnsureToolsRequest {
    /// The tools.
    pub tools: Vec<ToolId>,
}

/// The answer to [`EnsureToolsRequest`], which has the secrets in the clear. A repeated request has the same answer,
/// except for `made`. The instance has the variables from its next deployment on.
///
/// ```
/// # use {agent_pool_core::wire::services::EnsuredTools, serde_json::json};
/// let body = json!({
///     "instanceId": "k3v9x0a1b2c3", "tools": { "telnyx": { "resourceId": "+15550001111" } },
///     "made": ["telnyx"], "variables": { "TELNYX_API_KEY": "hunter2" },
/// });
/// let ensured: EnsuredTools = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&ensured)?, body);
/// assert!(!format!("{ensured:?}").contains("hunter2"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnsuredTools {
    /// The instance.
    pub instance_id: InstanceId,
    /// The requested tools.
    pub tools: BTreeMap<ToolId, ToolResource>,
    /// The tools that this request has created. The others existed already.
    pub made: Vec<ToolId>,
    /// Their variables.
    #[serde(serialize_with = "EnvVars::expose_all")]
    pub variables: EnvVars,
    /// Their prices, by provider id; free ones are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, Price>,
}

/// The answer to `DELETE /instances/:instanceId/tools/:toolId`: the instance does not have the tool.
///
/// ```
/// # use agent_pool_core::wire::services::RemovedTool;
/// let removed: RemovedTool = serde_json::from_str(
///     r#"{"instanceId": "k3v9x0a1b2c3", "toolId": "telnyx", "removed": true, "variables": ["TELNYX_API_KEY"]}"#,
/// )?;
/// assert_eq!(removed.variables[0].as_str(), "TELNYX_API_KEY");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovedTool {
    /// The instance.
    pub instance_id: InstanceId,
    /// The tool.
    pub tool_id: ToolId,
    /// Whether this request has removed it. If not, it did not exist.
    pub removed: bool,
    /// The variables that it had: they are blank from the next deployment on. None if the instance never had the tool.
    pub variables: Vec<EnvName>,
}
