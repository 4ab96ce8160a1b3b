//! The Pool API: requests and answers for dashboards, clients and the command line.
//!
//! ```
//! use agent_pool_core::wire::pool::Claimed;
//!
//! // An older client ignores members that it does not know.
//! let claimed: Claimed = serde_json::from_str(
//!     r#"{"inviteUrl": "https://a.example/c/1", "conversationId": "7U0H",
//!         "instanceId": "k3v9x0a1b2c3", "joined": false, "mood": "cheerful"}"#,
//! ).unwrap();
//! assert!(!claimed.joined);
//! ```

mod claim;
mod costs;
mod explanation;
mod fleet;
mod pools;
mod rollout;
mod sizing;
mod tools;
mod webhook;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Instructions;
use crate::{EnvironmentName, InstanceId, PoolName, ToolId};

pub use claim::{
    ClaimOutcome, ClaimProgress, ClaimRequest, ClaimStep, ClaimWaiting, Claimed, PendingClaim, Ttl,
};
pub use costs::{
    AgentCosts, Budget, BudgetPeriod, BudgetState, Costs, DayCosts, ParseBudgetError, PoolCosts,
    ResourceCosts, Spent, ToolChange, dollars,
};
pub use explanation::{ExplainedStep, Explanation};
pub use fleet::{
    Agents, Counts, CreationFailure, InstanceView, PoolStatus, Runs, Status, Unobserved,
};
pub use pools::{
    DeletedPool, Hold, HoldCause, Policy, PoolSpec, PoolVersion, PoolVersions, PoolView, Pools,
    Recipe,
};
pub use rollout::{
    InstanceRecipe, PoolRecipe, Rollout, RolloutAction, RolloutRequest, RolloutState, Upgrade,
    UpgradeRequest, UpgradeState, Upgrades,
};
pub use sizing::{
    HitRate, Objective, ObjectiveFloor, ParseHitRateError, SimulatedPolicy, Simulation,
    SimulationRequest, Sizing,
};
pub use tools::{AddedTool, ReleasedTool};
pub use webhook::{
    CreatedWebhook, NewWebhook, UnknownWebhookEvent, WebhookDeliveries, WebhookDelivery,
    WebhookEndpoint, WebhookEvent, Webhooks, WebhooksQueued,
};

/// `GET /api/pool/info`.
///
/// ```
/// # use agent_pool_core::wire::pool::Info;
/// let body = r#"{"environment":"production","version":"0.1.0","tools":["openrouter"]}"#;
/// let info: Info = serde_json::from_str(body)?;
/// assert_eq!(serde_json::to_string(&info)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The name of this deployment of the system.
    pub environment: EnvironmentName,
    /// The version of pool-svc.
    pub version: String,
    /// The commit that it was built from, if its build recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tools that every instance is equipped with.
    pub tools: Vec<ToolId>,
}

/// `GET /api/pool/events`: the lifecycle log, newest first.
///
/// ```
/// # use {agent_pool_core::wire::pool::Events, serde_json::json};
/// let log: Events = serde_json::from_value(json!({ "events": [{
///     "id": 7, "instanceId": "k3v9x0a1b2c3", "from": "starting", "to": "idle",
///     "cause": "healthy", "at": "2026-08-01T00:00:00Z",
/// }] }))?;
/// let older = format!("/api/pool/events?before={}", log.events[0].id);
/// # assert!(older.ends_with("=7"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// The transitions.
    pub events: Vec<LifecycleEvent>,
}

/// One status transition of one instance.
///
/// ```
/// # use {agent_pool_core::wire::pool::LifecycleEvent, serde_json::json};
/// let first = json!({
///     "id": 1, "instanceId": "k3v9x0a1b2c3", "from": null, "to": "starting",
///     "cause": "warm_up", "at": "2026-08-01T00:00:00Z",
/// });
/// let event: LifecycleEvent = serde_json::from_value(first.clone())?;
/// assert_eq!(event.from, None);
/// # assert_eq!(serde_json::to_value(&event)?, first);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleEvent {
    /// An increasing number: pass it as `before` to page back.
    pub id: i64,
    /// The instance.
    pub instance_id: InstanceId,
    /// Its status before; absent if its row was inserted.
    pub from: Option<Status>,
    /// Its status after; absent if its row was deleted.
    pub to: Option<Status>,
    /// Its pool; absent in entries that are older than pools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// The cause of the transition.
    pub cause: String,
    /// The name of the key that requested the change; absent if the pool made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The reason with the numbers of that moment, if the cause does not explain it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// `POST /api/pool/replenish`.
///
/// ```
/// # use agent_pool_core::wire::pool::ReplenishRequest;
/// assert_eq!(serde_json::from_str::<ReplenishRequest>("{}")?.count, None);
/// let two = ReplenishRequest { count: Some(2), ..Default::default() };
/// assert_eq!(serde_json::to_string(&two)?, r#"{"count":2}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplenishRequest {
    /// The pool; absent: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Number of instances to create; absent: up to the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// `POST /api/pool/drain`.
///
/// ```
/// # use agent_pool_core::wire::pool::DrainRequest;
/// assert_eq!(serde_json::from_str::<DrainRequest>(r#"{"count": 2}"#)?.count, 2);
/// assert!(serde_json::from_str::<DrainRequest>("{}").is_err(), "it has to be said how many");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrainRequest {
    /// The pool; absent: the oldest over all pools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Number of idle instances to remove.
    pub count: u32,
}

/// The answer to replenish and drain: the affected instances.
///
/// ```
/// # use agent_pool_core::wire::pool::Affected;
/// let body = r#"{"count":1,"instanceIds":["k3v9x0a1b2c3"]}"#;
/// let affected: Affected = serde_json::from_str(body)?;
/// assert_eq!(affected.instance_ids[0].as_str(), "k3v9x0a1b2c3");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Affected {
    /// Number of affected instances.
    pub count: u32,
    /// The affected instances.
    pub instance_ids: Vec<InstanceId>,
}

/// The answer to `DELETE /api/pool/instances/:id` and `/api/pool/crashed/:id`: it is being destroyed.
///
/// ```
/// # use agent_pool_core::wire::pool::Condemned;
/// let answer: Condemned = serde_json::from_str(r#"{"instanceId": "k3v9x0a1b2c3", "ok": true}"#)?;
/// assert!(answer.ok);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condemned {
    /// The instance.
    pub instance_id: InstanceId,
    /// Always true: a failure is reported as a problem.
    pub ok: bool,
}

/// The answer to `POST /api/pool/reconcile`: what one tick did.
///
/// ```
/// # use {agent_pool_core::wire::pool::TickReport, serde_json::json};
/// let report: TickReport = serde_json::from_str(r#"{"ran": true, "becameIdle": 2}"#)?;
/// assert_eq!((report.became_idle, report.created), (2, 0), "an older replica says less");
/// assert_eq!(serde_json::to_value(TickReport::default())?, json!({
///     "ran": false, "becameIdle": 0, "crashed": 0, "condemned": 0, "reappeared": 0,
///     "foreign": 0, "created": 0, "destroying": 0,
/// }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TickReport {
    /// Whether this tick ran; false if another replica's was running.
    pub ran: bool,
    /// Why the fleet could not be observed; no decision was based on it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unobserved: Option<String>,
    /// Number of instances that became idle.
    pub became_idle: u32,
    /// Number of claimed instances that were found dead.
    pub crashed: u32,
    /// Number of instances that were condemned.
    pub condemned: u32,
    /// Number of instances that were considered gone, and are destroyed because Services still has them.
    pub reappeared: u32,
    /// Number of instances at Services that this pool never had. They are left alone.
    pub foreign: u32,
    /// Number of creations that were started.
    pub created: u32,
    /// Number of destructions that were started or retried.
    pub destroying: u32,
}

/// One ready-made agent of the catalogue: `GET /api/pool/templates`.
///
/// ```
/// # use {agent_pool_core::wire::pool::Template, serde_json::json};
/// let template: Template = serde_json::from_value(json!({
///     "slug": "trip", "name": "Trip planner", "description": "Plans outings.",
///     "category": "Leisure", "emoji": "🌷", "instructions": "You help a small club.",
/// }))?;
/// assert!(format!("{template:?}").contains("Instructions(22 bytes)"), "{template:?}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Its identifier in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// The category that it is listed in.
    pub category: String,
    /// Its emoji.
    pub emoji: String,
    /// The agent's instructions.
    pub instructions: Instructions,
    /// The pool to claim it from; absent: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Members that this version does not know, for dashboards that do.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}
