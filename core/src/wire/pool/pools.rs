//! Warm pools: what their instances are made from, and how many there are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Budget, Counts, Objective, Rollout, Sizing};
use crate::{EnvName, InfraId, InstanceId, PoolName, ToolId};

/// What the instances of a pool are made from. What is absent follows the settings.
///
/// Its tools are in three lists, by when they are made. A list that is absent follows its setting, without the tools
/// that the recipe names in another list.
///
/// ```
/// use agent_pool_core::wire::pool::Recipe;
///
/// let recipe: Recipe = serde_json::from_str(r#"{"image": "agent:2", "tools": []}"#)?;
/// assert_eq!(recipe.tools, Some(vec![]), "no tools, whatever the settings say");
/// assert_eq!(serde_json::to_string(&Recipe::default())?, "{}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Recipe {
    /// Where they run; absent: `INFRA_PROVIDER` of Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infra: Option<InfraId>,
    /// The image that they run, one of `ALLOWED_IMAGES` of Services; absent: the infra's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The tools that are made with an instance; absent: `POOL_TOOLS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<ToolId>>,
    /// The tools that are made when an instance is claimed; absent: `POOL_CLAIM_TOOLS`.
    #[serde(alias = "claim_tools", skip_serializing_if = "Option::is_none")]
    pub claim_tools: Option<Vec<ToolId>>,
    /// The tools that an agent gets when it asks for them; absent: `POOL_DEMAND_TOOLS`.
    #[serde(alias = "demand_tools", skip_serializing_if = "Option::is_none")]
    pub demand_tools: Option<Vec<ToolId>>,
    /// Further variables to start them with. They are shown to everyone who can read the pool: secrets belong in
    /// `INSTANCE_ENV_*` of Services.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<EnvName, String>,
}

impl Recipe {
    /// Its lists of tools by when they are made, each with a label.
    ///
    /// ```
    /// # use agent_pool_core::wire::pool::Recipe;
    /// let recipe: Recipe = serde_json::from_str(r#"{"demandTools": ["telnyx"]}"#)?;
    /// let [(_, at_warm_up), _, (label, on_demand)] = recipe.tools_by_phase();
    /// assert_eq!((at_warm_up, label, on_demand.unwrap().len()), (None, "Tools on demand", 1));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn tools_by_phase(&self) -> [(&'static str, Option<&[ToolId]>); 3] {
        [
            ("Tools", self.tools.as_deref()),
            ("Tools at a claim", self.claim_tools.as_deref()),
            ("Tools on demand", self.demand_tools.as_deref()),
        ]
    }
}

/// How many instances a pool keeps. In a file its members may be written with `_` too.
///
/// ```
/// use agent_pool_core::wire::pool::Policy;
///
/// let policy: Policy = serde_json::from_str(r#"{"minIdle": 2, "maxTotal": 10}"#)?;
/// assert_eq!(policy, serde_json::from_str(r#"{"min_idle": 2, "max_total": 10}"#)?);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// How many idle instances it keeps; absent: `POOL_MIN_IDLE` for the pool `default`, 0 for any other.
    #[serde(alias = "min_idle", skip_serializing_if = "Option::is_none")]
    pub min_idle: Option<u32>,
    /// What it is sized for, instead of `min_idle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// How many instances it may have in all; absent: as many as `POOL_MAX_TOTAL` allows over all pools.
    #[serde(alias = "max_total", skip_serializing_if = "Option::is_none")]
    pub max_total: Option<u32>,
    /// Whether no instances are made unless an operator asks for them. Idle ones can still be claimed.
    pub paused: bool,
    /// How many of its instances may be starting at once; absent: as many as are missing.
    #[serde(alias = "max_starting", skip_serializing_if = "Option::is_none")]
    pub max_starting: Option<u32>,
    /// After how many failures in a row with one cause creations stop; absent: 10.
    #[serde(alias = "max_failures", skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u32>,
    /// Seconds after which an idle instance is replaced by a new one; absent: never.
    #[serde(alias = "max_idle_seconds", skip_serializing_if = "Option::is_none")]
    pub max_idle_seconds: Option<u32>,
    /// Seconds after its claim at which an agent is ended; absent: never.
    #[serde(alias = "ttl_seconds", skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u32>,
    /// Seconds without activity after which an agent is ended, if its runtime reports `lastActivity`; absent: never.
    #[serde(
        alias = "idle_timeout_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub idle_timeout_seconds: Option<u32>,
    /// Seconds between the warning that an agent is about to be ended and its end; absent: 600.
    #[serde(alias = "warning_seconds", skip_serializing_if = "Option::is_none")]
    pub warning_seconds: Option<u32>,
    /// What it and its agents may cost; when that is reached, no instances are created until the next day or month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// Why a pool creates no instances.
///
/// ```
/// use agent_pool_core::wire::pool::{Hold, HoldCause};
///
/// let hold: Hold = serde_json::from_str(r#"{"cause": "paused", "reason": "its policy says so"}"#)?;
/// assert_eq!((hold.cause, hold.until), (HoldCause::Paused, None), "until a person resumes it");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// The kind of reason.
    pub cause: HoldCause,
    /// The reason, in words.
    pub reason: String,
    /// Since when it holds; absent where that is not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// When it ends, or when the next probe is made; absent: when a person resumes the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// What kind of reason keeps a pool from creating instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HoldCause {
    /// Its policy says so.
    Paused,
    /// Creations failed too often in a row.
    Failing,
    /// It has spent its budget.
    Budget,
}

impl HoldCause {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Budget => "budget",
        }
    }
}

/// What a pool is, as people declare it: `PUT /api/pool/pools/:name`.
///
/// ```
/// use agent_pool_core::wire::pool::PoolSpec;
///
/// let spec: PoolSpec = serde_json::from_str(r#"{"policy": {"minIdle": 1}}"#)?;
/// assert_eq!(spec.recipe.image, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PoolSpec {
    /// What its instances are made from.
    pub recipe: Recipe,
    /// How many it keeps.
    pub policy: Policy,
}

/// A pool and what it has: `GET /api/pool/pools/:name`.
///
/// ```
/// # use {agent_pool_core::wire::pool::PoolView, serde_json::json};
/// # let counts = json!({"starting": 0, "idle": 0, "claiming": 0, "claimed": 0, "crashed": 0, "destroying": 0});
/// let view: PoolView = serde_json::from_value(json!({
///     "name": "default", "recipe": {}, "policy": {"paused": false}, "version": 0,
///     "target": 3, "maxTotal": 100, "counts": counts, "waiting": 0,
/// }))?;
/// assert_eq!(view.version, 0, "nobody has changed what the settings say");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolView {
    /// Its name.
    pub name: PoolName,
    /// What its instances are made from.
    pub recipe: Recipe,
    /// How many it keeps, as declared.
    pub policy: Policy,
    /// Grows by one with each change; 0 for the pool `default` as long as it is what the settings say.
    pub version: u32,
    /// Who made this version: the name of a key, or `POOLS_FILE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When this version was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
    /// How many idle instances it keeps now.
    pub target: u32,
    /// The decision behind the target, if it has an objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizing: Option<Sizing>,
    /// How many instances it may have in all.
    pub max_total: u32,
    /// How many are in each status.
    pub counts: Counts,
    /// How many claims wait for one of its instances.
    pub waiting: u32,
    /// Why no instances are created; absent: they are, as far as any are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Its latest roll-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// `GET /api/pool/pools`: the pool `default` first, then by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pools {
    /// The pools.
    pub pools: Vec<PoolView>,
}

/// The answer to `DELETE /api/pool/pools/:name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedPool {
    /// The pool that is no more.
    pub name: PoolName,
    /// Its instances that nobody had claimed; they are being destroyed.
    pub destroying: Vec<InstanceId>,
    /// How many agents belong to another pool now.
    pub moved: u32,
}

/// One version of a pool: `GET /api/pool/pools/:name/versions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolVersion {
    /// Its number.
    pub version: u32,
    /// What the pool was; absent where it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<PoolSpec>,
    /// Who made it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When.
    pub changed_at: DateTime<Utc>,
}

/// The versions of a pool, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolVersions {
    /// The versions.
    pub versions: Vec<PoolVersion>,
}
