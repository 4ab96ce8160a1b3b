//! `POST /recipe` and `POST /upgrade/:instanceId`: what instances are made from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EnvName, EnvVars, InfraId, InstanceId, RecipeHash, ToolId};

/// What an instance is to be made from, as in [`CreateInstanceRequest`](super::CreateInstanceRequest).
///
/// ```
/// # use agent_pool_core::wire::services::RecipeRequest;
/// let request: RecipeRequest = serde_json::from_str(r#"{"image": "agent:2"}"#)?;
/// assert!(request.tools.is_empty() && request.infra.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RecipeRequest {
    /// The tools.
    pub tools: Vec<ToolId>,
    /// Where it runs; absent takes the setting `INFRA_PROVIDER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infra: Option<InfraId>,
    /// The image; absent takes the infra's setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Further variables.
    #[serde(
        skip_serializing_if = "EnvVars::is_empty",
        serialize_with = "EnvVars::expose_all"
    )]
    pub variables: EnvVars,
}

/// What an instance was made from, or would be made from now. Values of variables and settings are not shown.
///
/// ```
/// # use {agent_pool_core::wire::services::MadeFrom, serde_json::json};
/// let body = json!({
///     "hash": "00c0ffee00c0ffee", "infra": "docker", "image": "agent:2", "digest": "sha256:ab",
///     "tools": ["openrouter"],
///     "variables": { "names": ["TZ"], "fingerprint": "0011223344556677" },
///     "settings": { "names": ["DOCKER_MEMORY_MIB"], "fingerprint": "8899aabbccddeeff" },
/// });
/// let made: MadeFrom = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&made)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeFrom {
    /// All of it as one word.
    pub hash: RecipeHash,
    /// Where it runs.
    pub infra: InfraId,
    /// The image by name; absent for an infra without images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The image that the name stood for; absent where the infra only knows it once an instance runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The tools, in order of id.
    pub tools: Vec<ToolId>,
    /// The variables that are the same for every instance: those of the request and `INSTANCE_ENV_*`.
    pub variables: NamedValues,
    /// The infra's settings that shape an instance.
    pub settings: NamedValues,
}

/// Names whose values are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedValues {
    /// The names, in alphabetical order.
    pub names: Vec<EnvName>,
    /// Changes when any name or value does.
    pub fingerprint: String,
}

/// The answer to `POST /upgrade/:instanceId`.
///
/// ```
/// # use {agent_pool_core::wire::services::UpgradedInstance, serde_json::json};
/// let values = json!({ "names": [], "fingerprint": "" });
/// let upgraded: UpgradedInstance = serde_json::from_value(json!({
///     "instanceId": "k3v9x0a1b2c3", "deployed": false, "madeFrom": {
///         "hash": "00c0ffee00c0ffee", "infra": "local", "tools": [], "variables": values, "settings": values,
///     },
/// }))?;
/// assert!(!upgraded.deployed, "it had this recipe already");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradedInstance {
    /// The instance.
    pub instance_id: InstanceId,
    /// Whether it was deployed again; not if it had the recipe already.
    pub deployed: bool,
    /// What it is made from now.
    pub made_from: MadeFrom,
}
