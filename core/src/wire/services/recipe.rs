//! `POST /recipe` and `POST /upgrade/:instanceId`: recipes of instances.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EnvName, EnvVars, InfraId, InfraOptions, InstanceId, RecipeHash, ToolId};

/// The recipe of an instance, as in [`CreateInstanceRequest`](super::CreateInstanceRequest).
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
    /// The infra that it runs on; absent: the setting `INFRA_PROVIDER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infra: Option<InfraId>,
    /// The image; absent: the infra's setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Options of the infra; absent ones follow the infra's settings.
    #[serde(skip_serializing_if = "InfraOptions::is_empty")]
    pub infra_options: InfraOptions,
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
///     "infraOptions": { "memoryMib": 1024 },
/// });
/// let made: MadeFrom = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&made)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeFrom {
    /// The hash of the whole recipe.
    pub hash: RecipeHash,
    /// Where it runs.
    pub infra: InfraId,
    /// The image by name; absent for an infra without images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The digest that the name referred to; absent if the infra knows it only once an instance runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The tools, in order of id.
    pub tools: Vec<ToolId>,
    /// The variables that are the same for every instance: those of the request and `INSTANCE_ENV_*`.
    pub variables: NamedValues,
    /// The infra's settings that shape an instance.
    pub settings: NamedValues,
    /// The options of the infra, which win over its settings.
    #[serde(default, skip_serializing_if = "InfraOptions::is_empty")]
    pub infra_options: InfraOptions,
}

/// Names whose values are not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedValues {
    /// The names, in alphabetical order.
    pub names: Vec<EnvName>,
    /// Changes with any name or value.
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
    /// Whether it was deployed again; false if it already had the recipe.
    pub deployed: bool,
    /// The recipe that it runs now.
    pub made_from: MadeFrom,
}
