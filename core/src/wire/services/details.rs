//! `GET /instances/:instanceId`: what Services knows about one instance.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::{Document, MadeFrom, ToolStatus};
use crate::{DeployStatus, InfraId, InstanceId, ResourceId, ServiceId, ToolId, Usage};

/// The answer to `GET /instances/:instanceId`: what is known about an instance, without secrets.
///
/// ```
/// # use {agent_pool_core::wire::services::{InstanceDetails, InstancePhase}, serde_json::json};
/// let body = json!({
///     "instanceId": "k3v9x0a1b2c3", "busy": true, "tools": [], "infra": {
///         "provider": "railway", "phase": "creating", "createdAt": "2026-08-01T00:00:00Z",
///     },
/// });
/// let details: InstanceDetails = serde_json::from_value(body.clone())?;
/// assert_eq!(details.infra.phase, InstancePhase::Creating);
/// assert_eq!(serde_json::to_value(&details)?, body, "what is not made yet is absent");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceDetails {
    /// The instance.
    pub instance_id: InstanceId,
    /// Whether an operation is in progress on it.
    pub busy: bool,
    /// Where it runs.
    pub infra: InstanceInfraDetails,
    /// What it was made from; absent if it was made before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<MadeFrom>,
    /// The tools that it has or had, in order of id.
    pub tools: Vec<InstanceToolDetails>,
    /// The same information for people.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub document: Document,
}

/// Where an instance runs.
///
/// ```
/// # use {agent_pool_core::wire::services::InstanceInfraDetails, serde_json::json};
/// let made: InstanceInfraDetails = serde_json::from_value(json!({
///     "provider": "railway", "phase": "made", "serviceId": "0b9f4c1e",
///     "url": "https://k3v9x0a1b2c3.up.example/", "image": "agent:1",
///     "deployStatus": "SUCCESS", "createdAt": "2026-08-01T00:00:00Z",
/// }))?;
/// assert!(!made.deploy_status.unwrap().is_dead());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceInfraDetails {
    /// The infra.
    pub provider: InfraId,
    /// The phase of its life.
    pub phase: InstancePhase,
    /// The infra's id of its service; absent until it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// Its URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// The image that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The digest of that image at the last check, if the infra reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// The status of its deployment at the last check; absent before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_status: Option<DeployStatus>,
    /// The reason for that status, in the infra's words, such as `out of memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_detail: Option<String>,
    /// When its creation began.
    pub created_at: DateTime<Utc>,
}

/// The phase of an instance's life, for Services.
///
/// ```
/// # use agent_pool_core::wire::services::InstancePhase;
/// assert_eq!(serde_json::to_value(InstancePhase::Made)?, "made");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstancePhase {
    /// Its creation is not complete.
    Creating,
    /// It is created and deployed.
    Made,
    /// It is to be destroyed.
    Destroying,
}

/// One tool of an instance.
///
/// ```
/// # use {agent_pool_core::wire::services::InstanceToolDetails, serde_json::json};
/// let tool: InstanceToolDetails = serde_json::from_value(json!({
///     "toolId": "openrouter", "resourceId": "key-17", "status": "active",
///     "createdAt": "2026-08-01T00:00:00Z", "usage": { "usd": 1.25 },
/// }))?;
/// assert_eq!(tool.usage.unwrap().0["usd"], 1.25);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceToolDetails {
    /// The tool.
    pub tool_id: ToolId,
    /// The vendor's id of the resource; absent until it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<ResourceId>,
    /// Whether it is in use.
    pub status: ToolStatus,
    /// When it was first requested.
    pub created_at: DateTime<Utc>,
    /// Its usage; absent if the provider does not report it, or not in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What its provider noted about the resource, without secrets.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}
