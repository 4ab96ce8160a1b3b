//! Recipes of instances and their changes: roll-outs and upgrades.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Runs, Status};
use crate::wire::services::MadeFrom;
use crate::{InstanceId, PoolName, RecipeHash};

/// The state of a roll-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RolloutState {
    /// One instance of the new recipe is created, in addition to the others.
    Canary,
    /// The other idle ones are replaced, a few at a time.
    Rolling,
    /// It does not continue until somebody retries it.
    Stopped,
    /// The recipe changed again before it was done.
    Superseded,
    /// No idle instance of the old recipe is left.
    Done,
}

impl RolloutState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Canary,
        Self::Rolling,
        Self::Stopped,
        Self::Superseded,
        Self::Done,
    ];

    /// Its name, in JSON and in the database.
    ///
    /// ```
    /// # use agent_pool_core::wire::pool::RolloutState;
    /// for state in RolloutState::ALL {
    ///     assert_eq!(serde_json::to_value(state)?, state.as_str());
    /// }
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Rolling => "rolling",
            Self::Stopped => "stopped",
            Self::Superseded => "superseded",
            Self::Done => "done",
        }
    }
}

/// The replacement of the idle instances of a pool by those of another recipe.
///
/// ```
/// # use {agent_pool_core::wire::pool::{Rollout, RolloutState}, serde_json::json};
/// let rollout: Rollout = serde_json::from_value(json!({
///     "from": "00c0ffee00c0ffee", "to": "0011223344556677", "state": "stopped",
///     "cause": "its canary k3v9x0a1b2c3 did not become ready", "canary": "k3v9x0a1b2c3",
///     "replaced": 0, "remaining": 3,
///     "begunAt": "2026-08-01T00:00:00Z", "changedAt": "2026-08-01T00:15:00Z",
/// }))?;
/// assert_eq!(rollout.state, RolloutState::Stopped);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The recipe that most idle instances had.
    pub from: RecipeHash,
    /// The recipe that they get.
    pub to: RecipeHash,
    /// Its state.
    pub state: RolloutState,
    /// Why it is stopped, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The instance that tests the new recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<InstanceId>,
    /// Number of instances that were replaced.
    pub replaced: u32,
    /// Number of idle instances of another recipe that are left.
    pub remaining: u32,
    /// Who requested its latest change; absent if the pool made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// `POST /api/pool/pools/:name/rollout`.
///
/// ```
/// # use agent_pool_core::wire::pool::{RolloutAction, RolloutRequest};
/// let request: RolloutRequest = serde_json::from_str(r#"{"action": "retry"}"#)?;
/// assert_eq!(request.action, RolloutAction::Retry);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutRequest {
    /// What to do with the latest roll-out of the pool.
    pub action: RolloutAction,
}

/// What to do with a roll-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RolloutAction {
    /// Restart a stopped roll-out with another canary.
    Retry,
    /// Stop a running roll-out. Replaced instances stay replaced.
    Stop,
}

/// `POST /api/pool/upgrades`: claimed instances to upgrade to the recipe of their pool.
///
/// ```
/// # use agent_pool_core::wire::pool::UpgradeRequest;
/// let request: UpgradeRequest = serde_json::from_str(r#"{"pool": "default"}"#)?;
/// assert_eq!((request.batch, request.instance_ids.len()), (1, 0));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeRequest {
    /// The instances to upgrade.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instance_ids: Vec<InstanceId>,
    /// Or every claimed instance of this pool that was made from another or an unknown recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// Number of instances to upgrade at a time. After a failure no further one is started.
    #[serde(default = "UpgradeRequest::default_batch")]
    pub batch: u16,
}

impl UpgradeRequest {
    const fn default_batch() -> u16 {
        1
    }
}

/// The state of an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UpgradeState {
    /// It waits for others of its request.
    Waiting,
    /// It is being deployed.
    Running,
    /// It runs the recipe and is ready.
    Done,
    /// It failed; `error` says why.
    Failed,
    /// It was not started, because another of its request failed.
    Stopped,
}

impl UpgradeState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Stopped,
    ];

    /// Its name, in JSON and in the database.
    ///
    /// ```
    /// # use agent_pool_core::wire::pool::UpgradeState;
    /// for state in UpgradeState::ALL {
    ///     assert_eq!(serde_json::to_value(state)?, state.as_str());
    /// }
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// The latest upgrade of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// Its state.
    pub state: UpgradeState,
    /// Why it failed or was not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who requested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// When it was requested.
    pub requested_at: DateTime<Utc>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// `GET /api/pool/upgrades`: which recipe each instance runs.
///
/// ```
/// # use agent_pool_core::wire::pool::Upgrades;
/// let none: Upgrades = serde_json::from_str(r#"{"pools": [], "instances": []}"#)?;
/// assert_eq!(none, Upgrades::default());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upgrades {
    /// The recipe of each pool as it is now, the pool `default` first.
    pub pools: Vec<PoolRecipe>,
    /// Every instance, oldest first.
    pub instances: Vec<InstanceRecipe>,
}

/// The current recipe of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolRecipe {
    /// The pool.
    pub pool: PoolName,
    /// Its recipe; absent if Services cannot determine it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<MadeFrom>,
    /// Why Services cannot determine it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Its latest roll-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// What one instance is made from and runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceRecipe {
    /// The instance.
    pub instance_id: InstanceId,
    /// Its pool.
    pub pool: PoolName,
    /// What the pool decided about it.
    pub status: Status,
    /// Its agent's name, once claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<String>,
    /// The recipe that it was made from; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<RecipeHash>,
    /// Whether that is the current recipe of its pool; absent if either is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<bool>,
    /// What it runs.
    #[serde(default)]
    pub runs: Runs,
    /// Its latest upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
}
