//! The state of the fleet: statuses, counts, instances, alarms.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{InstanceId, PoolName, RecipeHash};

/// What the pool decided about an instance. The database has the same words.
///
/// ```
/// # use agent_pool_core::wire::pool::Status;
/// assert_eq!(serde_json::to_value(Status::Claiming)?, "claiming");
/// assert!(serde_json::from_str::<Status>("\"Claiming\"").is_err(), "words are in lower case");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being created; not healthy yet.
    Starting,
    /// Warm and not claimed.
    Idle,
    /// A claim is in progress.
    Claiming,
    /// Claimed by somebody.
    Claimed,
    /// Claimed, and found dead.
    Crashed,
    /// Being destroyed.
    Destroying,
}

impl Status {
    /// Every status, in the order of an instance's life.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Idle,
        Self::Claiming,
        Self::Claimed,
        Self::Crashed,
        Self::Destroying,
    ];

    /// Its name, in JSON and in the database.
    ///
    /// ```
    /// # use agent_pool_core::wire::pool::Status;
    /// assert_eq!(Status::ALL.map(Status::as_str)[..3], ["starting", "idle", "claiming"]);
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Claiming => "claiming",
            Self::Claimed => "claimed",
            Self::Crashed => "crashed",
            Self::Destroying => "destroying",
        }
    }
}

/// `GET /api/pool/counts`: the number of instances in each status.
///
/// ```
/// # use {agent_pool_core::wire::pool::Counts, serde_json::json};
/// let body = json!({
///     "starting": 1, "idle": 3, "claiming": 0, "claimed": 2, "crashed": 0, "destroying": 0,
/// });
/// let counts: Counts = serde_json::from_value(body.clone())?;
/// assert_eq!(counts.idle, 3);
/// # assert_eq!(serde_json::to_value(counts)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// [`Status::Starting`].
    pub starting: u32,
    /// [`Status::Idle`].
    pub idle: u32,
    /// [`Status::Claiming`].
    pub claiming: u32,
    /// [`Status::Claimed`].
    pub claimed: u32,
    /// [`Status::Crashed`].
    pub crashed: u32,
    /// [`Status::Destroying`].
    pub destroying: u32,
}

/// What an instance runs, as Services last reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Runs {
    /// The image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The digest of the image, if the infra reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// The version that its runtime reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One instance, as Pool shows it.
///
/// ```
/// # use {agent_pool_core::wire::pool::InstanceView, serde_json::json};
/// let body = json!({
///     "id": "k3v9x0a1b2c3", "name": "convos-agent-k3v9x0a1b2c3", "status": "idle", "pool": "default",
///     "url": "https://k3v9x0a1b2c3.up.example/", "createdAt": "2026-08-01T00:00:00Z",
///     "agentName": null, "conversationId": null, "inviteUrl": null, "claimedAt": null,
///     "lastHealthyAt": "2026-08-01T00:01:00Z",
/// });
/// let view: InstanceView = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&view)?, body, "what is not there is null, and not absent");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceView {
    /// The instance.
    pub id: InstanceId,
    /// Its name, `convos-agent-{id}`.
    pub name: String,
    /// Its URL, once Services has created it.
    pub url: Option<Url>,
    /// What the pool decided about it.
    pub status: Status,
    /// The pool that it belongs to.
    #[serde(default)]
    pub pool: PoolName,
    /// Its agent's name, once claimed.
    pub agent_name: Option<String>,
    /// The conversation that it is in, once claimed.
    pub conversation_id: Option<String>,
    /// Where a person reaches it, once claimed.
    pub invite_url: Option<String>,
    /// When its row was written.
    pub created_at: DateTime<Utc>,
    /// When it was claimed.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When its health check last reported that it is ready.
    pub last_healthy_at: Option<DateTime<Utc>>,
    /// The deadline for a person to accept its agent into the conversation; absent if it does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept_by: Option<DateTime<Utc>>,
    /// When its agent is ended, if its claim set a time. The policy of its pool may end it earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Whether it is protected: it is never claimed, drained, replaced or killed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// The recipe that it was made from; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<RecipeHash>,
    /// What it runs; absent if Services has not reported it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<Runs>,
}

/// `GET /api/pool/status`.
///
/// ```
/// # use {agent_pool_core::wire::pool::PoolStatus, serde_json::json};
/// # let counts = json!({"starting": 0, "idle": 0, "claiming": 0, "claimed": 0, "crashed": 0, "destroying": 0});
/// let well = json!({
///     "counts": counts, "minIdle": 3, "maxTotal": 10, "creationFailures": [], "instances": [],
/// });
/// let status: PoolStatus = serde_json::from_value(well.clone())?;
/// assert_eq!(serde_json::to_value(&status)?, well, "no `unobserved`, no `lastCreateError`");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// Number of instances in each status.
    pub counts: Counts,
    /// Number of idle instances that all pools keep together.
    pub min_idle: u32,
    /// Number of idle instances that each pool keeps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<PoolName, u32>,
    /// Maximum number of instances.
    pub max_total: u32,
    /// Why liveness cannot be decided; absent otherwise. Meanwhile no instance is marked as crashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unobserved: Option<Unobserved>,
    /// The causes of failed creations, the latest first, until a creation succeeds or no instance is missing.
    #[serde(default)]
    pub creation_failures: Vec<CreationFailure>,
    /// The first of `creation_failures` in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_create_error: Option<String>,
    /// Every instance, oldest first.
    pub instances: Vec<InstanceView>,
}

/// An alarm: the report of Services about the fleet is missing, or is doubted.
///
/// ```
/// # use agent_pool_core::wire::pool::Unobserved;
/// let body = r#"{"reason":"Services does not answer","since":"2026-08-01T00:00:00Z"}"#;
/// let alarm: Unobserved = serde_json::from_str(body)?;
/// assert_eq!(serde_json::to_string(&alarm)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unobserved {
    /// What is wrong, and what to do.
    pub reason: String,
    /// Since when it is wrong.
    pub since: DateTime<Utc>,
}

/// A cause of failed creations, over all replicas.
///
/// ```
/// # use {agent_pool_core::wire::pool::CreationFailure, serde_json::json};
/// let failure: CreationFailure = serde_json::from_value(json!({
///     "cause": "vendor_rate_limited:openrouter", "failuresInARow": 4,
///     "retryAt": "2026-08-01T00:01:20Z", "failedAt": "2026-08-01T00:01:00Z",
///     "error": "openrouter asks to slow down",
/// }))?;
/// assert!(failure.retry_at > failure.failed_at);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationFailure {
    /// The pool whose creations fail.
    #[serde(default)]
    pub pool: PoolName,
    /// A stable identifier: the code from Services, with the tool if it is known.
    pub cause: String,
    /// Number of failures in a row; concurrent ones count once.
    pub failures_in_a_row: u32,
    /// Until then no tick starts a creation for this pool, even if other creations fail for other causes; then one is
    /// tried.
    pub retry_at: DateTime<Utc>,
    /// When a failure was last counted.
    pub failed_at: DateTime<Utc>,
    /// The error of the last failure, for people.
    pub error: String,
    /// Since when creations are stopped because of this cause, except for a probe at `retry_at`; absent if they are
    /// not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<DateTime<Utc>>,
}

/// `GET /api/pool/agents`.
///
/// ```
/// # use agent_pool_core::wire::pool::Agents;
/// let none = r#"{"claimed":[],"crashed":[],"idle":[],"starting":[]}"#;
/// assert_eq!(serde_json::to_string(&Agents::default())?, none);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agents {
    /// The [`Status::Claimed`] ones.
    pub claimed: Vec<InstanceView>,
    /// The [`Status::Crashed`] ones.
    pub crashed: Vec<InstanceView>,
    /// The [`Status::Idle`] ones.
    pub idle: Vec<InstanceView>,
    /// The [`Status::Starting`] ones.
    pub starting: Vec<InstanceView>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_same_word_in_json_and_in_the_database() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
