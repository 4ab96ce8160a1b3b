//! What instances are made from, and how they come to be made from something else: roll-outs and upgrades.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Runs, Status};
use crate::wire::services::MadeFrom;
use crate::{InstanceId, PoolName, RecipeHash};

/// How far a roll-out is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RolloutState {
    /// One instance of the new recipe is made, beside the others.
    Canary,
    /// The other idle ones are replaced, a few at a time.
    Rolling,
    /// It goes no further until somebody retries it.
    Stopped,
    /// Another recipe came before it was done.
    Superseded,
    /// No idle instance is left of the old recipe.
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

    /// The word for it, in JSON and in the database.
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
    /// The recipe that they are to have.
    pub to: RecipeHash,
    /// How far it is.
    pub state: RolloutState,
    /// Why it is stopped, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The instance that tries the new recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<InstanceId>,
    /// How many instances were replaced.
    pub replaced: u32,
    /// How many idle instances are left of another recipe.
    pub remaining: u32,
    /// Who asked for its latest change; absent if the pool did it on its own.
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
    /// Begin a stopped one again, with another canary.
    Retry,
    /// Stop one that is under way. What is replaced stays replaced.
    Stop,
}

/// `POST /api/pool/upgrades`: claimed instances to bring to the recipe of their pool.
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
    /// These instances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instance_ids: Vec<InstanceId>,
    /// Or every claimed instance of this pool that is made from another recipe, or from one that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// How many to upgrade at a time. After a failure no further one begins.
    #[serde(default = "UpgradeRequest::default_batch")]
    pub batch: u16,
}

impl UpgradeRequest {
    const fn default_batch() -> u16 {
        1
    }
}

/// How far an upgrade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UpgradeState {
    /// Others of its request come first.
    Waiting,
    /// It is being deployed.
    Running,
    /// It runs the recipe and is ready.
    Done,
    /// It failed, and says why.
    Failed,
    /// It did not begin, because another of its request failed.
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

    /// The word for it, in JSON and in the database.
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
    /// How far it is.
    pub state: UpgradeState,
    /// Why it failed or did not begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// `GET /api/pool/upgrades`: who runs what.
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

/// What the instances of a pool would be made from now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolRecipe {
    /// The pool.
    pub pool: PoolName,
    /// Its recipe; absent if Services cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<MadeFrom>,
    /// Why Services cannot tell.
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
    /// What it was made from; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<RecipeHash>,
    /// Whether that is the recipe of its pool; absent if either is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<bool>,
    /// What it runs.
    #[serde(default)]
    pub runs: Runs,
    /// Its latest upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
}
