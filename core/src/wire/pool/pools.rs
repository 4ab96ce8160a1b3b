//! Warm pools: what their instances are made from, and how many there are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Budget, Counts, Objective, Rollout, Sizing};
use crate::{EnvName, InfraId, InfraOptions, InstanceId, PoolName, ToolId};

/// What the instances of a pool are made from. Absent members follow the settings.
///
/// Its tools are in three lists, by when they are created. An absent list follows its setting, without the tools that
/// the recipe names in another list.
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
    /// Where instances run; absent: `INFRA_PROVIDER` of Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infra: Option<InfraId>,
    /// The image that they run, one of `ALLOWED_IMAGES` of Services; absent: the infra's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Options of the infra, such as memory and CPU limits, in the infra's own terms; absent ones follow its
    /// settings.
    #[serde(
        alias = "infra_options",
        skip_serializing_if = "InfraOptions::is_empty"
    )]
    pub infra_options: InfraOptions,
    /// The tools that are created with an instance; absent: `POOL_TOOLS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<ToolId>>,
    /// The tools that are created when an instance is claimed; absent: `POOL_CLAIM_TOOLS`.
    #[serde(alias = "claim_tools", skip_serializing_if = "Option::is_none")]
    pub claim_tools: Option<Vec<ToolId>>,
    /// The tools that an agent gets when it asks for them; absent: `POOL_DEMAND_TOOLS`.
    #[serde(alias = "demand_tools", skip_serializing_if = "Option::is_none")]
    pub demand_tools: Option<Vec<ToolId>>,
    /// Further variables of the instances. They are visible to everyone with read access to the pool, so put secrets in
    /// `INSTANCE_ENV_*` of Services instead.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<EnvName, String>,
}

impl Recipe {
    /// Its lists of tools by phase, each with a label.
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

/// The policy of a pool. In a file, members may also be written with `_`.
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
    /// Number of idle instances to keep; absent: `POOL_MIN_IDLE` for the pool `default`, 0 for any other.
    #[serde(alias = "min_idle", skip_serializing_if = "Option::is_none")]
    pub min_idle: Option<u32>,
    /// The sizing objective, instead of `min_idle`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<Objective>,
    /// Maximum number of its instances; absent: as many as `POOL_MAX_TOTAL` allows over all pools.
    #[serde(alias = "max_total", skip_serializing_if = "Option::is_none")]
    pub max_total: Option<u32>,
    /// Whether creations are paused, except those that an operator requests. Idle instances can still be claimed.
    pub paused: bool,
    /// Maximum number of its instances that are starting at the same time; absent: as many as are missing.
    #[serde(alias = "max_starting", skip_serializing_if = "Option::is_none")]
    pub max_starting: Option<u32>,
    /// Number of failures in a row with one cause after which creations stop; absent: 10.
    #[serde(alias = "max_failures", skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u32>,
    /// Seconds after which an idle instance is replaced by a new one; absent: never.
    #[serde(alias = "max_idle_seconds", skip_serializing_if = "Option::is_none")]
    pub max_idle_seconds: Option<u32>,
    /// Seconds after its claim at which an agent is ended, unless its claim sets fewer; absent: when its claim sets.
    #[serde(alias = "ttl_seconds", skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u32>,
    /// Seconds without activity after which an agent is ended, if its runtime reports `lastActivity`; absent: never.
    #[serde(
        alias = "idle_timeout_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub idle_timeout_seconds: Option<u32>,
    /// Seconds between the warning and the end of an agent; absent: 600.
    #[serde(alias = "warning_seconds", skip_serializing_if = "Option::is_none")]
    pub warning_seconds: Option<u32>,
    /// The maximum cost of the pool and its agents; once it is reached, no instances are created until the next day
    /// or month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// Why a pool creates no instances.
///
/// ```
/// use agent_pool_core::wire::pool::{Hold, HoldCause};
///
/// let hold: Hold = serde_json::from_str(r#"{"cause": "paused", "reason": "its policy is set to paused"}"#)?;
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
    /// Since when it holds; absent if that is not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// When it ends, or when the next probe is made; absent: when a person resumes the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// The kind of reason why a pool creates no instances.
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
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Budget => "budget",
        }
    }
}

/// The declaration of a pool: `PUT /api/pool/pools/:name`.
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
    /// How many instances it keeps.
    pub policy: Policy,
}

/// A pool and its state: `GET /api/pool/pools/:name`.
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
    /// Its policy, as declared.
    pub policy: Policy,
    /// Increases by one with each change; 0 for the pool `default` as long as it follows the settings.
    pub version: u32,
    /// Who made this version: the name of a key, or `POOLS_FILE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When this version was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
    /// Number of idle instances to keep now.
    pub target: u32,
    /// The decision behind the target, if it has an objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizing: Option<Sizing>,
    /// Maximum number of its instances.
    pub max_total: u32,
    /// Number of instances in each status.
    pub counts: Counts,
    /// Number of claims that wait for one of its instances.
    pub waiting: u32,
    /// Why no instances are created; absent if missing ones are created.
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
    /// The deleted pool.
    pub name: PoolName,
    /// Its unclaimed instances; they are being destroyed.
    pub destroying: Vec<InstanceId>,
    /// Number of agents that were moved to another pool.
    pub moved: u32,
}

/// One version of a pool: `GET /api/pool/pools/:name/versions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolVersion {
    /// Its number.
    pub version: u32,
    /// The declaration; absent if the pool was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<PoolSpec>,
    /// Who made this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<String>,
    /// When this version was made.
    pub changed_at: DateTime<Utc>,
}

/// The versions of a pool, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PoolVersions {
    /// The versions.
    pub versions: Vec<PoolVersion>,
}
