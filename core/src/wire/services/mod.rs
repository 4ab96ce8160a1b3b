//! The Services API, which Pool calls.
//!
//! ```
//! use agent_pool_core::wire::services::CreateInstanceRequest;
//!
//! let request: CreateInstanceRequest = serde_json::from_str(
//!     r#"{"instanceId": "k3v9x0a1b2c3", "name": "convos-agent-k3v9x0a1b2c3",
//!         "tools": ["openrouter"]}"#,
//! ).unwrap();
//! assert_eq!(request.tools[0].as_str(), "openrouter");
//! ```

mod details;
mod document;
mod recipe;
mod registry;
mod tools;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    DeployStatus, EnvVars, InfraId, InfraOptions, InstanceId, LogLine, Price, RecipeHash,
    ResourceId, Secret, ServiceId, ToolId, ToolOptions, Usage,
};

pub use details::{InstanceDetails, InstanceInfraDetails, InstancePhase, InstanceToolDetails};
pub use document::{Document, DocumentRow, DocumentSection, InstanceDocument};
pub use recipe::{MadeFrom, NamedValues, RecipeRequest, UpgradedInstance};
pub use registry::{
    InfraInfo, LastError, ProviderHealth, ProviderStats, RegistryReply, ToolInfo, Version,
};
pub use tools::{EnsureToolsRequest, EnsuredTools, RemovedTool};

/// `POST /create-instance`.
///
/// ```
/// # use {agent_pool_core::wire::services::CreateInstanceRequest, serde_json::json};
/// let body = json!({
///     "instanceId": "k3v9x0a1b2c3", "name": "convos-agent-k3v9x0a1b2c3",
///     "tools": ["openrouter"], "variables": { "POOL_API_KEY": "hunter2" },
/// });
/// let request: CreateInstanceRequest = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&request)?, body, "in the clear on the wire");
/// assert!(!format!("{request:?}").contains("hunter2"), "and nowhere else");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstanceRequest {
    /// The instance, named by Pool.
    pub instance_id: InstanceId,
    /// Its name for people.
    pub name: String,
    /// The tools to equip it with.
    #[serde(default)]
    pub tools: Vec<ToolId>,
    /// The infra to create it on; absent: the setting `INFRA_PROVIDER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infra: Option<InfraId>,
    /// The image to run; absent: the infra's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Options of the infra, such as limits; absent ones follow the infra's settings.
    #[serde(default, skip_serializing_if = "InfraOptions::is_empty")]
    pub infra_options: InfraOptions,
    /// Further variables to start it with.
    #[serde(
        default,
        skip_serializing_if = "EnvVars::is_empty",
        serialize_with = "EnvVars::expose_all"
    )]
    pub variables: EnvVars,
}

/// The answer to [`CreateInstanceRequest`]: everything is created, and the instance is being deployed.
///
/// ```
/// # use {agent_pool_core::wire::services::CreatedInstance, serde_json::json};
/// let created: CreatedInstance = serde_json::from_value(json!({
///     "instanceId": "k3v9x0a1b2c3", "serviceId": "0b9f4c1e",
///     "url": "https://k3v9x0a1b2c3.up.example/",
///     "services": { "openrouter": { "resourceId": "key-17" } },
/// }))?;
/// assert_eq!(created.services[&"openrouter".parse().unwrap()].resource_id.as_str(), "key-17");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedInstance {
    /// The instance.
    pub instance_id: InstanceId,
    /// The infra's id of its service.
    pub service_id: ServiceId,
    /// Its URL.
    pub url: Url,
    /// Its tools.
    pub services: BTreeMap<ToolId, ToolResource>,
    /// The key of its runtime, which gives access to nothing else. Absent for an instance that was made before
    /// instances had keys of their own: it accepts the operators' key.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "Secret::expose_optional"
    )]
    // Unlike other secrets, it is shown to Pool.
    #[schemars(with = "Option<String>")]
    pub runtime_key: Option<Secret>,
    /// The prices of its infra and its tools, by provider id; free ones are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, Price>,
    /// The recipe that it was made from; absent for an instance that was made before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<RecipeHash>,
}

/// One tool of a [`CreatedInstance`].
///
/// ```
/// # use agent_pool_core::wire::services::ToolResource;
/// let resource: ToolResource = serde_json::from_str(r#"{"resourceId": "key-17"}"#)?;
/// assert_eq!(resource.resource_id.as_str(), "key-17");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolResource {
    /// The vendor's id of the resource.
    pub resource_id: ResourceId,
}

/// The answer to `DELETE /destroy/:instanceId`: nothing of the instance is left.
///
/// ```
/// # use {agent_pool_core::wire::services::DestroyedInstance, serde_json::json};
/// let body = json!({
///     "instanceId": "k3v9x0a1b2c3",
///     "destroyed": { "openrouter": true, "volumes": true, "service": true },
/// });
/// let answer: DestroyedInstance = serde_json::from_value(body.clone())?;
/// # assert_eq!(serde_json::to_value(&answer)?, body);
/// assert!(answer.destroyed.volumes);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestroyedInstance {
    /// The instance.
    pub instance_id: InstanceId,
    /// What was destroyed.
    pub destroyed: Destroyed,
}

/// What a destruction removed, or found to be already removed.
///
/// ```
/// # use agent_pool_core::wire::services::Destroyed;
/// // Tools stand beside the volumes and the service.
/// let body = r#"{"openrouter":true,"volumes":true,"service":false}"#;
/// let destroyed: Destroyed = serde_json::from_str(body)?;
/// assert_eq!(destroyed.tools.len(), 1);
/// assert_eq!(serde_json::to_string(&destroyed)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
///
/// ```
/// # use agent_pool_core::wire::services::StatusBatchRequest;
/// assert_eq!(serde_json::to_string(&StatusBatchRequest::default())?, "{}", "asks for all");
/// let none = StatusBatchRequest { instance_ids: Some(Vec::new()) };
/// assert_eq!(serde_json::to_string(&none)?, r#"{"instanceIds":[]}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusBatchRequest {
    /// The instances; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_ids: Option<Vec<InstanceId>>,
}

/// The answer to [`StatusBatchRequest`]. An instance that Services does not know is absent.
///
/// ```
/// # use agent_pool_core::{InstanceId, wire::services::StatusBatch};
/// let batch: StatusBatch = serde_json::from_str(r#"{"k3v9x0a1b2c3": {"healthy": true}}"#)?;
/// assert!(batch[&"k3v9x0a1b2c3".parse::<InstanceId>().unwrap()].healthy);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub type StatusBatch = BTreeMap<InstanceId, InstanceReport>;

/// The state of one instance.
///
/// ```
/// # use {agent_pool_core::{DeployStatus, wire::services::InstanceReport}, serde_json::json};
/// let body = json!({ "status": "HIBERNATING", "healthy": false, "image": "agent:1" });
/// let report: InstanceReport = serde_json::from_value(body.clone())?;
/// assert_eq!(report.status, Some(DeployStatus::Other("HIBERNATING".to_owned())), "a new word");
/// assert_eq!(serde_json::to_value(&report)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceReport {
    /// The status of its deployment; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DeployStatus>,
    /// The reason for that status, in the infra's words, such as `out of memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether its `/pool/health` reports that it is ready.
    pub healthy: bool,
    /// Whether the instance refuses our key. That is our fault, and says nothing about its health.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub key_refused: bool,
    /// Its URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// The image that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The digest of that image, if the infra reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// The recipe that it was made from; absent for an instance that was made before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<RecipeHash>,
    /// The version that its runtime reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When its agent last did something, if its runtime reports that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<DateTime<Utc>>,
}

/// `POST /usage/batch`: what the tools of instances have used.
///
/// ```
/// # use agent_pool_core::wire::services::UsageBatchRequest;
/// let request: UsageBatchRequest = serde_json::from_str(r#"{"instanceIds": ["k3v9x0a1b2c3"]}"#)?;
/// assert_eq!(request.instance_ids.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageBatchRequest {
    /// The instances, 100 at most.
    pub instance_ids: Vec<InstanceId>,
}

/// The answer to [`UsageBatchRequest`]: by instance and tool. Usage that no provider can report, or not now, is
/// absent.
///
/// ```
/// # use agent_pool_core::{InstanceId, wire::services::UsageBatch};
/// let body = r#"{"k3v9x0a1b2c3": {"openrouter": {"usd": 1.25}}}"#;
/// let batch: UsageBatch = serde_json::from_str(body)?;
/// let of_instance = &batch[&"k3v9x0a1b2c3".parse::<InstanceId>().unwrap()];
/// assert_eq!(of_instance[&"openrouter".parse().unwrap()].0["usd"], 1.25);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub type UsageBatch = BTreeMap<InstanceId, BTreeMap<ToolId, Usage>>;

/// `PATCH /provision/:instanceId/:toolId`: other options for a tool that an instance has.
///
/// ```
/// # use agent_pool_core::wire::services::UpdateToolRequest;
/// let request: UpdateToolRequest = serde_json::from_str(r#"{"config": {"limit": 50}}"#)?;
/// assert_eq!(request.config["limit"], 50);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateToolRequest {
    /// The options to change; each provider documents its own.
    pub config: ToolOptions,
}

/// The answer to [`UpdateToolRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatedTool {
    /// The instance.
    pub instance_id: InstanceId,
    /// The tool.
    pub tool_id: ToolId,
    /// Always true: a failure is reported as a problem.
    pub ok: bool,
}

/// `POST /configure/:instanceId`.
///
/// ```
/// # use agent_pool_core::wire::services::ConfigureRequest;
/// let body = r#"{"variables": {"AGENT_NAME": "Tulip"}}"#;
/// let request: ConfigureRequest = serde_json::from_str(body)?;
/// assert!(!request.redeploy, "what runs is left alone unless it is said");
/// assert!(!format!("{request:?}").contains("Tulip"));
/// # let written = r#"{"variables":{"AGENT_NAME":"Tulip"},"redeploy":false}"#;
/// # assert_eq!(serde_json::to_string(&request)?, written);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureRequest {
    /// The variables to set; others are kept.
    #[serde(serialize_with = "EnvVars::expose_all")]
    pub variables: EnvVars,
    /// Whether to deploy it again afterwards.
    #[serde(default)]
    pub redeploy: bool,
}

/// The answer to `POST /configure/:instanceId` and `POST /redeploy/:instanceId`.
///
/// ```
/// # use agent_pool_core::wire::services::Done;
/// let done: Done = serde_json::from_str(r#"{"instanceId": "k3v9x0a1b2c3", "ok": true}"#)?;
/// assert!(done.ok);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// The instance.
    pub instance_id: InstanceId,
    /// Always true: a failure is reported as a problem.
    pub ok: bool,
}

/// The answer to `GET /logs/:instanceId?lines=`.
///
/// ```
/// # use {agent_pool_core::wire::services::Logs, serde_json::json};
/// let logs: Logs = serde_json::from_value(json!({
///     "instanceId": "k3v9x0a1b2c3",
///     "lines": [{ "text": "starting" }, { "at": "2026-08-01T00:00:00Z", "text": "ready" }],
/// }))?;
/// assert_eq!(logs.lines[0].at, None, "not every infra knows when");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Logs {
    /// The instance.
    pub instance_id: InstanceId,
    /// The last lines of its output, oldest first.
    pub lines: Vec<LogLine>,
}

/// `POST /provision/:instanceId/:toolId`.
///
/// ```
/// # use agent_pool_core::wire::services::ProvisionToolRequest;
/// let request: ProvisionToolRequest = serde_json::from_str(r#"{"config": {"limit": 5}}"#)?;
/// assert_eq!(request.config["limit"], 5);
/// assert_eq!(serde_json::to_string(&ProvisionToolRequest::default())?, "{}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProvisionToolRequest {
    /// The provider's options.
    #[serde(default, skip_serializing_if = "ToolOptions::is_empty")]
    pub config: ToolOptions,
}

/// The answer to [`ProvisionToolRequest`].
///
/// ```
/// # use {agent_pool_core::wire::services::{ProvisionedToolReply, ToolStatus}, serde_json::json};
/// let reply: ProvisionedToolReply = serde_json::from_value(json!({
///     "toolId": "openrouter", "resourceId": "key-17",
///     "envKey": "OPENROUTER_API_KEY", "status": "active",
/// }))?;
/// assert_eq!(reply.status, ToolStatus::Active);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedToolReply {
    /// The tool.
    pub tool_id: ToolId,
    /// The vendor's id of the resource.
    pub resource_id: ResourceId,
    /// The main variable that the instance got.
    pub env_key: String,
    /// Whether the tool is in use.
    pub status: ToolStatus,
}

/// `POST /provision-local`: tools for a developer's own machine, without infra.
///
/// ```
/// # use agent_pool_core::wire::services::ProvisionLocalRequest;
/// let request: ProvisionLocalRequest = serde_json::from_str(r#"{"tools": ["openrouter"]}"#)?;
/// assert_eq!(request.tools[0].as_str(), "openrouter");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProvisionLocalRequest {
    /// The tools: at least one.
    pub tools: Vec<ToolId>,
}

/// The answer to [`ProvisionLocalRequest`], which has the secrets in the clear and cannot be requested again.
///
/// ```
/// # use {agent_pool_core::wire::services::LocalGrant, serde_json::json};
/// let body = json!({
///     "instanceId": "k3v9x0a1b2c3", "expiresAt": "2026-08-02T00:00:00Z",
///     "env": { "OPENROUTER_API_KEY": "hunter2" },
/// });
/// let grant: LocalGrant = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&grant)?, body);
/// assert!(!format!("{grant:?}").contains("hunter2"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalGrant {
    /// The instance id that the tools belong to: for `DELETE /destroy/:instanceId`, when they are no longer needed.
    pub instance_id: InstanceId,
    /// The variables to set.
    #[serde(serialize_with = "EnvVars::expose_all")]
    pub env: EnvVars,
    /// When the tools expire and may be destroyed.
    pub expires_at: DateTime<Utc>,
}

/// Whether a tool of an instance is in use.
///
/// ```
/// # use agent_pool_core::wire::services::ToolStatus;
/// assert_eq!(serde_json::to_value(ToolStatus::Active)?, "active");
/// assert_eq!(serde_json::to_value(ToolStatus::Destroyed)?, "destroyed");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolStatus {
    /// The instance has it.
    Active,
    /// It was destroyed; the row records that it existed.
    Destroyed,
}

/// The answer to `DELETE /destroy/:instanceId/:toolId/:resourceId`.
///
/// ```
/// # use agent_pool_core::wire::services::DestroyedTool;
/// let body = r#"{"toolId":"openrouter","resourceId":"key-17","deleted":true}"#;
/// let answer: DestroyedTool = serde_json::from_str(body)?;
/// assert_eq!(serde_json::to_string(&answer)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DestroyedTool {
    /// The tool.
    pub tool_id: ToolId,
    /// The vendor's id of the resource.
    pub resource_id: ResourceId,
    /// Always true: a failure is reported as a problem.
    pub deleted: bool,
}

/// `POST /sweep`.
///
/// ```
/// # use agent_pool_core::wire::services::SweepRequest;
/// let look: SweepRequest = serde_json::from_str("{}")?;
/// assert!(!look.destroy && !look.repair, "nothing is changed unless it is said");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SweepRequest {
    /// Whether to destroy all orphans that are found.
    #[serde(default)]
    pub destroy: bool,
    /// The orphans to destroy if `destroy` is false, provided that they are found again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destroy_only: Vec<OrphanRef>,
    /// Whether to provision tools again that are missing now and were missing in the last report.
    #[serde(default)]
    pub repair: bool,
}

/// One orphan, as a [`SweepReport`] names it.
///
/// ```
/// # use agent_pool_core::wire::services::SweepRequest;
/// let one: SweepRequest = serde_json::from_str(
///     r#"{"destroyOnly": [{"provider": "telnyx", "resourceId": "+14155550100"}]}"#,
/// )?;
/// assert_eq!((one.destroy, one.destroy_only[0].provider.as_str()), (false, "telnyx"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrphanRef {
    /// The provider that has it.
    pub provider: String,
    /// The vendor's id of the resource or service.
    pub resource_id: String,
}

/// The answer to [`SweepRequest`], and to `GET /sweep`.
///
/// ```
/// # use {agent_pool_core::wire::services::SweepReport, serde_json::json};
/// let report: SweepReport = serde_json::from_value(json!({
///     "sweptAt": "2026-08-01T00:00:00Z", "replica": "services-1", "tookMs": 820,
///     "orphans": [], "missing": [],
///     "failures": { "telnyx": "unavailable: did not answer in time" },
/// }))?;
/// assert!(!report.failures.is_empty(), "without orphans, and not clean: one was not asked");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// When the sweep began.
    pub swept_at: DateTime<Utc>,
    /// The replica that swept: the name that it logs at its start.
    pub replica: String,
    /// How long the sweep took, in milliseconds.
    pub took_ms: u64,
    /// Resources with our mark, older than the grace period, that have no row.
    pub orphans: Vec<Orphan>,
    /// Resources of rows older than the grace period that vendors do not list.
    pub missing: Vec<Missing>,
    /// The providers that could not be listed, or whose lists are not trusted, and why.
    pub failures: BTreeMap<String, String>,
}

/// A vendor's resource with our mark and without a row.
///
/// ```
/// # use {agent_pool_core::wire::services::Orphan, serde_json::json};
/// let body = json!({
///     "provider": "openrouter", "resourceId": "key-17", "instanceId": "k3v9x0a1b2c3",
///     "createdAt": "2026-08-01T00:00:00Z", "destroyed": false,
/// });
/// let orphan: Orphan = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&orphan)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// The provider that has it.
    pub provider: String,
    /// The vendor's id of the resource or service.
    pub resource_id: String,
    /// The instance that its mark names.
    pub instance_id: InstanceId,
    /// The vendor's creation time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// Whether this sweep destroyed it.
    pub destroyed: bool,
    /// Whether another deployment, with the same environment name in the same account, created it. It is destroyed
    /// only if it is named in [`SweepRequest::destroy_only`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
}

/// A resource that has a row and that its vendor does not list.
///
/// ```
/// # use {agent_pool_core::wire::services::Missing, serde_json::json};
/// let body = json!({
///     "provider": "openrouter", "resourceId": "key-17", "instanceId": "k3v9x0a1b2c3",
///     "since": "2026-08-01T00:00:00Z", "repaired": true,
/// });
/// let missing: Missing = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&missing)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The provider that should have it.
    pub provider: String,
    /// The vendor's id of the resource or service.
    pub resource_id: String,
    /// The instance that it belongs to.
    pub instance_id: InstanceId,
    /// When a sweep first missed it.
    pub since: DateTime<Utc>,
    /// Whether this sweep provisioned it again.
    pub repaired: bool,
}

/// The answer to `POST /webhooks/:infra/:secret`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeTaken {
    /// Whether the notice is new; false if it was delivered before.
    pub fresh: bool,
}
