//! The Services API: what Pool asks of Services.
//!
//! ```
//! use agent_pool_core::wire::services::CreateInstanceRequest;
//!
//! let request: CreateInstanceRequest = serde_json::from_str(
//!     r#"{"instanceId": "k3v9x0a1b2c3", "name": "convos-agent-k3v9x0a1b2c3", "tools": ["openrouter"]}"#,
//! ).unwrap();
//! assert_eq!(request.tools[0].as_str(), "openrouter");
//! ```

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::settings::SettingSpec;
use crate::{
    DeployStatus, EnvVars, InfraCapabilities, InfraId, InstanceId, LogLine, ResourceId, ServiceId,
    ToolCapabilities, ToolId, ToolOptions, Usage,
};

/// `POST /create-instance`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstanceRequest {
    /// The instance, named by Pool.
    pub instance_id: InstanceId,
    /// Its name for people.
    pub name: String,
    /// The tools to equip it with.
    #[serde(default)]
    pub tools: Vec<ToolId>,
    /// The image to run; absent takes the infra's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Further variables to start it with.
    #[serde(
        default,
        skip_serializing_if = "EnvVars::is_empty",
        serialize_with = "EnvVars::expose_all"
    )]
    pub variables: EnvVars,
}

/// The answer to [`CreateInstanceRequest`]: all of it is made, and the instance is being deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedInstance {
    /// The instance.
    pub instance_id: InstanceId,
    /// What the infra calls its service.
    pub service_id: ServiceId,
    /// Where it is reached.
    pub url: Url,
    /// Its tools.
    pub services: BTreeMap<ToolId, ToolResource>,
}

/// One tool of a [`CreatedInstance`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResource {
    /// The resource, in its vendor's words.
    pub resource_id: ResourceId,
}

/// The answer to `DELETE /destroy/:instanceId`: nothing of the instance is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DestroyedInstance {
    /// The instance.
    pub instance_id: InstanceId,
    /// What was destroyed.
    pub destroyed: Destroyed,
}

/// What a destruction removed, or found gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destroyed {
    /// Each tool that it had.
    #[serde(flatten)]
    pub tools: BTreeMap<ToolId, bool>,
    /// Its volumes.
    pub volumes: bool,
    /// Its service.
    pub service: bool,
}

/// `POST /status/batch`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusBatchRequest {
    /// Which instances; absent asks for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_ids: Option<Vec<InstanceId>>,
}

/// The answer to [`StatusBatchRequest`]. An instance that Services does not know is absent.
pub type StatusBatch = BTreeMap<InstanceId, InstanceReport>;

/// How one instance does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReport {
    /// How its deployment does; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DeployStatus>,
    /// Whether its `/pool/health` says that it is ready.
    pub healthy: bool,
    /// Where it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// What it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// `POST /configure/:instanceId`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureRequest {
    /// The variables to set; those that are not named stay.
    #[serde(serialize_with = "EnvVars::expose_all")]
    pub variables: EnvVars,
    /// Whether to deploy it again afterwards.
    #[serde(default)]
    pub redeploy: bool,
}

/// The answer to `POST /configure/:instanceId` and `POST /redeploy/:instanceId`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// The instance.
    pub instance_id: InstanceId,
    /// Always true: a failure is a problem.
    pub ok: bool,
}

/// The answer to `GET /logs/:instanceId?lines=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Logs {
    /// The instance.
    pub instance_id: InstanceId,
    /// The last lines of its output, oldest first.
    pub lines: Vec<LogLine>,
}

/// `POST /provision/:instanceId/:toolId`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProvisionToolRequest {
    /// The provider's options.
    #[serde(default, skip_serializing_if = "ToolOptions::is_empty")]
    pub config: ToolOptions,
}

/// The answer to [`ProvisionToolRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedToolReply {
    /// The tool.
    pub tool_id: ToolId,
    /// The resource, in its vendor's words.
    pub resource_id: ResourceId,
    /// The main variable that the instance got.
    pub env_key: String,
    /// Whether the tool is in use.
    pub status: ToolStatus,
}

/// `POST /provision-local`: tools for a developer's own machine, without infra.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionLocalRequest {
    /// The tools: at least one.
    pub tools: Vec<ToolId>,
}

/// The answer to [`ProvisionLocalRequest`], which has the secrets in the clear and is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalGrant {
    /// Whose the tools are: for `DELETE /destroy/:instanceId`, when they are no longer needed.
    pub instance_id: InstanceId,
    /// The variables to set.
    #[serde(serialize_with = "EnvVars::expose_all")]
    pub env: EnvVars,
    /// From when on the tools may be destroyed.
    pub expires_at: DateTime<Utc>,
}

/// Whether a tool of an instance is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolStatus {
    /// The instance has it.
    Active,
    /// It was taken away; the row says that it was there.
    Destroyed,
}

/// The answer to `DELETE /destroy/:instanceId/:toolId/:resourceId`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DestroyedTool {
    /// The tool.
    pub tool_id: ToolId,
    /// The resource, in its vendor's words.
    pub resource_id: ResourceId,
    /// Always true: a failure is a problem.
    pub deleted: bool,
}

/// The answer to `GET /registry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryReply {
    /// The version of services-svc; empty where it is older than this member.
    #[serde(default)]
    pub version: String,
    /// The tools of this build, in order of id.
    pub tools: Vec<ToolInfo>,
    /// The infras of this build, in order of id.
    pub infra: Vec<InfraInfo>,
}

/// One tool of this build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolInfo {
    /// The tool's id, as requests name it.
    pub id: ToolId,
    /// The name that people read.
    pub name: String,
    /// What an instance gets, such as `per-instance-key`.
    pub mode: String,
    /// The variables that an instance gets.
    pub env_keys: Vec<String>,
    /// Whether its settings are there and right.
    pub configured: bool,
    /// The faults of its settings, one a line; empty where it is configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Which optional operations it has; absent where it is not configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<ToolCapabilities>,
    /// The reference of its settings. Never their values.
    pub settings: Vec<SettingSpec>,
    /// What its calls came to since this replica began.
    #[serde(default)]
    pub stats: ProviderStats,
}

/// One infra of this build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InfraInfo {
    /// The infra's id, as `INFRA_PROVIDER` names it.
    pub id: InfraId,
    /// The name that people read.
    pub name: String,
    /// Whether new instances are made on it.
    pub selected: bool,
    /// Whether its settings are there and right.
    pub configured: bool,
    /// The faults of its settings, one a line; empty where it is configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Which optional operations it has; absent where it is not configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<InfraCapabilities>,
    /// The reference of its settings. Never their values.
    pub settings: Vec<SettingSpec>,
    /// What its calls came to since this replica began.
    #[serde(default)]
    pub stats: ProviderStats,
}

/// What a provider's calls came to since the process began, all attempts of one together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderStats {
    /// How many there were.
    pub calls: u64,
    /// How many failed, by the kind of the error.
    pub failures: BTreeMap<String, u64>,
    /// The newest failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// What half of the latest calls did not exceed, in milliseconds; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<u64>,
    /// What 95 of 100 of the latest calls did not exceed, in milliseconds; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
}

/// A failure of a provider. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// What failed, in one word, such as `rate_limited`.
    pub kind: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What the provider said.
    pub message: String,
}

/// The answer to `GET /instances/:instanceId`: what is known of one, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceDetails {
    /// The instance.
    pub instance_id: InstanceId,
    /// Whether an operation is at work on it.
    pub busy: bool,
    /// Where it runs.
    pub infra: InstanceInfraDetails,
    /// The tools that it has or had, in order of id.
    pub tools: Vec<InstanceToolDetails>,
}

/// Where an instance runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceInfraDetails {
    /// The infra.
    pub provider: InfraId,
    /// How far in its life it is.
    pub phase: InstancePhase,
    /// What the infra calls its service; absent until it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// Where it is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// What it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How its deployment did when somebody last asked; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_status: Option<DeployStatus>,
    /// When its creation began.
    pub created_at: DateTime<Utc>,
}

/// How far in its life an instance is, for Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstancePhase {
    /// Its creation is not done.
    Creating,
    /// It is made and deployed.
    Made,
    /// It is to be taken down.
    Destroying,
}

/// One tool of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceToolDetails {
    /// The tool.
    pub tool_id: ToolId,
    /// The resource, in its vendor's words; absent until it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<ResourceId>,
    /// Whether it is in use.
    pub status: ToolStatus,
    /// When it was first asked for.
    pub created_at: DateTime<Utc>,
    /// What it has used; absent where the provider cannot tell, or not in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// `POST /sweep`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepRequest {
    /// Whether to destroy the orphans that are found.
    #[serde(default)]
    pub destroy: bool,
    /// Whether to make tools anew that are missing now and were in the last report.
    #[serde(default)]
    pub repair: bool,
}

/// The answer to [`SweepRequest`], and to `GET /sweep`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// When the sweep began.
    pub swept_at: DateTime<Utc>,
    /// The replica that swept: the name that it logs at its start.
    pub replica: String,
    /// How long the sweep took, in milliseconds.
    pub took_ms: u64,
    /// What vendors have under our mark, older than the grace period, without a row.
    pub orphans: Vec<Orphan>,
    /// What rows older than the grace period know and vendors do not list.
    pub missing: Vec<Missing>,
    /// The providers that could not be asked, or whose lists are not believed, and why.
    pub failures: BTreeMap<String, String>,
}

/// A vendor's resource that bears our mark and has no row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// The provider that has it.
    pub provider: String,
    /// The resource or service, in the vendor's words.
    pub resource_id: String,
    /// Whose it was, by its mark.
    pub instance_id: InstanceId,
    /// When the vendor says that it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// Whether this sweep destroyed it.
    pub destroyed: bool,
}

/// What a row knows and its vendor does not list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The provider that should have it.
    pub provider: String,
    /// The resource or service, in the vendor's words.
    pub resource_id: String,
    /// Whose it is.
    pub instance_id: InstanceId,
    /// When a sweep first missed it.
    pub since: DateTime<Utc>,
    /// Whether this sweep made it anew.
    pub repaired: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    #[test]
    fn tools_stand_beside_volumes_and_service_in_a_destruction() {
        let destroyed = Destroyed {
            tools: BTreeMap::from([("openrouter".parse().unwrap(), true)]),
            volumes: true,
            service: false,
        };
        let body = serde_json::json!({ "openrouter": true, "volumes": true, "service": false });
        assert_eq!(serde_json::to_value(&destroyed).unwrap(), body);
        assert_eq!(
            serde_json::from_value::<Destroyed>(body).unwrap(),
            destroyed
        );
    }

    #[test]
    fn variables_travel_in_the_clear_and_are_debugged_without_values() {
        let request = ConfigureRequest {
            variables: EnvVars::from_iter([("A".parse().unwrap(), Secret::new("hunter2"))]),
            redeploy: false,
        };
        let body = serde_json::json!({ "variables": { "A": "hunter2" }, "redeploy": false });
        assert_eq!(serde_json::to_value(&request).unwrap(), body);
        assert!(!format!("{request:?}").contains("hunter2"));
    }

    #[test]
    fn a_local_grant_has_its_variables_in_the_clear_and_is_debugged_without_values() {
        let grant = LocalGrant {
            instance_id: "abcdefghijkl".parse().unwrap(),
            env: EnvVars::from_iter([("A".parse().unwrap(), Secret::new("hunter2"))]),
            expires_at: DateTime::UNIX_EPOCH,
        };
        let body = serde_json::json!({
            "instanceId": "abcdefghijkl", "env": { "A": "hunter2" },
            "expiresAt": "1970-01-01T00:00:00Z",
        });
        assert_eq!(serde_json::to_value(&grant).unwrap(), body);
        assert_eq!(serde_json::from_value::<LocalGrant>(body).unwrap(), grant);
        assert!(!format!("{grant:?}").contains("hunter2"));
    }
}
