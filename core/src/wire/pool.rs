//! The Pool API: what a dashboard, a client and the command line ask of Pool.
//!
//! ```
//! use agent_pool_core::wire::pool::Claimed;
//!
//! // What an older client does not know, it does not trip over.
//! let claimed: Claimed = serde_json::from_str(
//!     r#"{"inviteUrl": "https://a.example/c/1", "conversationId": "7U0H",
//!         "instanceId": "k3v9x0a1b2c3", "joined": false, "mood": "cheerful"}"#,
//! ).unwrap();
//! assert!(!claimed.joined);
//! ```

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{AgentName, Instructions, JoinUrl};
use crate::{EnvironmentName, InstanceId, ToolId};

/// What the pool decided about an instance. The words are those of the database too.
///
/// ```
/// # use agent_pool_core::wire::pool::Status;
/// assert_eq!(serde_json::to_value(Status::Claiming)?, "claiming");
/// assert!(serde_json::from_str::<Status>("\"Claiming\"").is_err(), "words are in lower case");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Being made, not healthy yet.
    Starting,
    /// Warm and nobody's.
    Idle,
    /// Being made somebody's.
    Claiming,
    /// Somebody's.
    Claimed,
    /// Somebody's, and dead.
    Crashed,
    /// Being taken down.
    Destroying,
}

impl Status {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Idle,
        Self::Claiming,
        Self::Claimed,
        Self::Crashed,
        Self::Destroying,
    ];

    /// The word for it, in JSON and in the database.
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

/// `POST /api/pool/claim`. Every member may be absent.
///
/// ```
/// # use agent_pool_core::wire::pool::ClaimRequest;
/// let request: ClaimRequest = serde_json::from_str(r#"{"agentName": " Tulip "}"#)?;
/// assert_eq!(request.agent_name.unwrap().as_str(), "Tulip");
/// let error = serde_json::from_str::<ClaimRequest>(r#"{"joinUrl": "tulip"}"#).unwrap_err();
/// assert!(error.to_string().starts_with("expected an http or https URL"), "{error}");
/// assert_eq!(serde_json::to_string(&ClaimRequest::default())?, "{}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClaimRequest {
    /// The agent's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<AgentName>,
    /// What the agent is told to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Instructions>,
    /// The conversation to join; absent opens a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_url: Option<JoinUrl>,
}

/// The answer to [`ClaimRequest`].
///
/// ```
/// # use {agent_pool_core::wire::pool::Claimed, serde_json::json};
/// let claimed: Claimed = serde_json::from_value(json!({
///     "inviteUrl": "https://a.example/c/1", "conversationId": "7U0H",
///     "instanceId": "k3v9x0a1b2c3", "joined": false,
/// }))?;
/// assert_eq!(claimed.instance_id.as_str(), "k3v9x0a1b2c3");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claimed {
    /// Where a person reaches the agent.
    pub invite_url: String,
    /// The conversation that the agent is in.
    pub conversation_id: String,
    /// The instance that is now somebody's.
    pub instance_id: InstanceId,
    /// Whether it joined a conversation that was there.
    pub joined: bool,
}

/// One event `waiting` of `POST /api/pool/claim/stream`, where the claim may wait and no instance is
/// idle: sent when the position changes.
///
/// ```
/// # use agent_pool_core::wire::pool::ClaimWaiting;
/// assert_eq!(serde_json::to_string(&ClaimWaiting { position: 2 })?, r#"{"position":2}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimWaiting {
    /// Its place among all that wait; 1 is served next.
    pub position: u32,
}

/// One event `step` of `POST /api/pool/claim/stream`. It ends with `result` ([`Claimed`]) or `error`
/// ([`Problem`](super::problem::Problem)).
///
/// ```
/// # use agent_pool_core::wire::pool::{ClaimProgress, ClaimStep};
/// let event = r#"{"step":"configured","instanceId":"k3v9x0a1b2c3"}"#;
/// let progress: ClaimProgress = serde_json::from_str(event)?;
/// assert_eq!(progress.step, ClaimStep::Configured);
/// # assert_eq!(serde_json::to_string(&progress)?, event);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimProgress {
    /// The step that is done.
    pub step: ClaimStep,
    /// The instance that it was done on; another one where the claim moved on.
    pub instance_id: InstanceId,
}

/// The steps of a claim, in order.
///
/// ```
/// # use {agent_pool_core::wire::pool::ClaimStep, serde_json::json};
/// let words = json!(["taken", "configured", "provisioned", "recorded"]);
/// assert_eq!(serde_json::to_value(ClaimStep::ALL)?, words);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimStep {
    /// An idle instance was taken: nobody else can have it.
    Taken,
    /// Its variables are set, so that a restart keeps its name.
    Configured,
    /// It has its name and its instructions, and is in a conversation.
    Provisioned,
    /// It is recorded as claimed.
    Recorded,
}

impl ClaimStep {
    /// Every step, in order.
    pub const ALL: [Self; 4] = [
        Self::Taken,
        Self::Configured,
        Self::Provisioned,
        Self::Recorded,
    ];
}

/// `GET /api/pool/counts`: how many instances are in each status.
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// One instance, as Pool shows it.
///
/// ```
/// # use {agent_pool_core::wire::pool::InstanceView, serde_json::json};
/// let body = json!({
///     "id": "k3v9x0a1b2c3", "name": "convos-agent-k3v9x0a1b2c3", "status": "idle",
///     "url": "https://k3v9x0a1b2c3.up.example/", "createdAt": "2026-08-01T00:00:00Z",
///     "agentName": null, "conversationId": null, "inviteUrl": null, "claimedAt": null,
///     "lastHealthyAt": "2026-08-01T00:01:00Z",
/// });
/// let view: InstanceView = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&view)?, body, "what is not there is null, and not absent");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceView {
    /// The instance.
    pub id: InstanceId,
    /// Its name, `convos-agent-{id}`.
    pub name: String,
    /// Where it is reached, once Services has made it.
    pub url: Option<Url>,
    /// What the pool decided about it.
    pub status: Status,
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
    /// When its health check last said that it is ready.
    pub last_healthy_at: Option<DateTime<Utc>>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// How many are in each status.
    pub counts: Counts,
    /// How many idle ones the pool keeps.
    pub min_idle: u32,
    /// How many instances there may be in all.
    pub max_total: u32,
    /// Why the fleet cannot be judged; absent while all is well. Nobody is taken for dead meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unobserved: Option<Unobserved>,
    /// What creations fail with, the latest first, until one succeeds or none is missing.
    #[serde(default)]
    pub creation_failures: Vec<CreationFailure>,
    /// The first of `creation_failures` in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_create_error: Option<String>,
    /// Every instance, oldest first.
    pub instances: Vec<InstanceView>,
}

/// An alarm: what Services says of the fleet is missing, or is not believed.
///
/// ```
/// # use agent_pool_core::wire::pool::Unobserved;
/// let body = r#"{"reason":"Services does not answer","since":"2026-08-01T00:00:00Z"}"#;
/// let alarm: Unobserved = serde_json::from_str(body)?;
/// assert_eq!(serde_json::to_string(&alarm)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unobserved {
    /// What is wrong, and what to do.
    pub reason: String,
    /// Since when something is.
    pub since: DateTime<Utc>,
}

/// What creations fail with, over all replicas.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationFailure {
    /// A stable word: the code of Services, with the tool that it is about where that is known.
    pub cause: String,
    /// How often in a row; those side by side count once.
    pub failures_in_a_row: u32,
    /// Until then no tick begins a creation, for whatever cause others fail; then one tries.
    pub retry_at: DateTime<Utc>,
    /// When it was last counted.
    pub failed_at: DateTime<Utc>,
    /// What the last one failed with, for people.
    pub error: String,
}

/// `GET /api/pool/agents`.
///
/// ```
/// # use agent_pool_core::wire::pool::Agents;
/// let none = r#"{"claimed":[],"crashed":[],"idle":[],"starting":[]}"#;
/// assert_eq!(serde_json::to_string(&Agents::default())?, none);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agents {
    /// Those that are [`Status::Claimed`].
    pub claimed: Vec<InstanceView>,
    /// Those that are [`Status::Crashed`].
    pub crashed: Vec<InstanceView>,
    /// Those that are [`Status::Idle`].
    pub idle: Vec<InstanceView>,
    /// Those that are [`Status::Starting`].
    pub starting: Vec<InstanceView>,
}

/// `GET /api/pool/info`.
///
/// ```
/// # use agent_pool_core::wire::pool::Info;
/// let body = r#"{"environment":"production","version":"0.1.0","tools":["openrouter"]}"#;
/// let info: Info = serde_json::from_str(body)?;
/// assert_eq!(serde_json::to_string(&info)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Which deployment of this system it is.
    pub environment: EnvironmentName,
    /// The version of pool-svc.
    pub version: String,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The moves.
    pub events: Vec<LifecycleEvent>,
}

/// One move of one instance.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleEvent {
    /// A number that grows: pass it as `before` to page back.
    pub id: i64,
    /// The instance.
    pub instance_id: InstanceId,
    /// What it was; absent when its row was written.
    pub from: Option<Status>,
    /// What it became; absent when its row was deleted.
    pub to: Option<Status>,
    /// Why.
    pub cause: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// `POST /api/pool/replenish`.
///
/// ```
/// # use agent_pool_core::wire::pool::ReplenishRequest;
/// assert_eq!(serde_json::from_str::<ReplenishRequest>("{}")?.count, None);
/// assert_eq!(serde_json::to_string(&ReplenishRequest { count: Some(2) })?, r#"{"count":2}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplenishRequest {
    /// How many to create; absent fills up to the target.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainRequest {
    /// How many idle ones to remove.
    pub count: u32,
}

/// The answer to replenish and drain: the instances that it concerns.
///
/// ```
/// # use agent_pool_core::wire::pool::Affected;
/// let body = r#"{"count":1,"instanceIds":["k3v9x0a1b2c3"]}"#;
/// let affected: Affected = serde_json::from_str(body)?;
/// assert_eq!(affected.instance_ids[0].as_str(), "k3v9x0a1b2c3");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Affected {
    /// How many.
    pub count: u32,
    /// Which.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condemned {
    /// The instance.
    pub instance_id: InstanceId,
    /// Always true: a failure is a problem.
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TickReport {
    /// Whether this tick ran; false while another replica's was running.
    pub ran: bool,
    /// Why the fleet could not be observed; nothing was decided from it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unobserved: Option<String>,
    /// How many became idle.
    pub became_idle: u32,
    /// How many claimed ones were found dead.
    pub crashed: u32,
    /// How many are to be destroyed from now on.
    pub condemned: u32,
    /// How many were thought gone, and are destroyed because Services has them.
    pub reappeared: u32,
    /// How many Services has that this pool never had. They are left alone.
    pub foreign: u32,
    /// How many were begun.
    pub created: u32,
    /// How many destructions were begun or retried.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Its word in URLs.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// The shelf it is on.
    pub category: String,
    /// A picture of one character.
    pub emoji: String,
    /// What the agent is told to be.
    pub instructions: Instructions,
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

    #[test]
    fn a_claim_may_be_empty() {
        let request: ClaimRequest = serde_json::from_str("{}").unwrap();
        assert_eq!(request, ClaimRequest::default());
        assert_eq!(serde_json::to_string(&request).unwrap(), "{}");
    }
}
