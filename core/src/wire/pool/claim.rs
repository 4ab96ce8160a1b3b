//! `POST /api/pool/claim` and its stream, which claim an instance.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::runtime::ProvisionStatus;
use crate::wire::text::blank_is_absent;
use crate::wire::{
    AgentMetadata, AgentName, ConversationId, Instructions, InviteUrl, JoinUrl, ProfileImage,
};
use crate::{InstanceId, PoolName};

/// `POST /api/pool/claim`. Every member may be absent.
///
/// ```
/// # use agent_pool_core::wire::pool::ClaimRequest;
/// let request: ClaimRequest = serde_json::from_str(r#"{"agentName": " Tulip "}"#)?;
/// assert_eq!(request.agent_name.unwrap().as_str(), "Tulip");
/// let blank: ClaimRequest = serde_json::from_str(r#"{"agentName": "", "joinUrl": ""}"#)?;
/// assert_eq!(blank, ClaimRequest::default(), "blank texts count as absent");
/// assert_eq!(serde_json::to_string(&ClaimRequest::default())?, "{}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClaimRequest {
    /// The pool to claim from; absent: `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolName>,
    /// The agent's name; absent: "Assistant".
    #[serde(
        deserialize_with = "blank_is_absent",
        skip_serializing_if = "Option::is_none"
    )]
    pub agent_name: Option<AgentName>,
    /// The agent's instructions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Instructions>,
    /// The conversation to join; absent: a new one.
    #[serde(
        deserialize_with = "blank_is_absent",
        skip_serializing_if = "Option::is_none"
    )]
    pub join_url: Option<JoinUrl>,
    /// The agent's picture, for its runtime.
    #[serde(
        deserialize_with = "blank_is_absent",
        skip_serializing_if = "Option::is_none"
    )]
    pub profile_image: Option<ProfileImage>,
    /// Further data for its runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<AgentMetadata>,
    /// Seconds from the claim until the agent is ended, at most those of the pool's policy; absent: as the policy
    /// says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<Ttl>,
}

/// The lifetime of an agent in seconds: 1 to 31,536,000, which is a year.
///
/// ```
/// # use agent_pool_core::wire::pool::Ttl;
/// let hour: Ttl = serde_json::from_str("3600")?;
/// assert_eq!(hour.seconds(), 3_600);
/// assert!(serde_json::from_str::<Ttl>("0").is_err());
/// assert!(serde_json::from_str::<Ttl>("31536001").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(extend("minimum" = 1, "maximum" = 31_536_000))]
pub struct Ttl(u32);

impl Ttl {
    const MAX_SECONDS: u32 = 31_536_000;

    /// The time in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Ttl {
    type Error = String;

    fn try_from(seconds: u32) -> Result<Self, String> {
        if (1..=Self::MAX_SECONDS).contains(&seconds) {
            return Ok(Self(seconds));
        }
        Err(format!("expected 1 to {} seconds", Self::MAX_SECONDS))
    }
}

impl From<Ttl> for u32 {
    fn from(ttl: Ttl) -> Self {
        ttl.0
    }
}

/// The answer to [`ClaimRequest`] if the agent is in its conversation: 200.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claimed {
    /// Where a person reaches the agent.
    pub invite_url: InviteUrl,
    /// The conversation that the agent is in.
    pub conversation_id: ConversationId,
    /// The claimed instance.
    pub instance_id: InstanceId,
    /// Whether it joined an existing conversation.
    pub joined: bool,
}

/// The answer to [`ClaimRequest`] if a person must still accept the agent into the conversation: 202. The instance is
/// reserved meanwhile. Repeat the claim, or call `GET /api/pool/instances/:id`, to get the outcome.
///
/// ```
/// # use {agent_pool_core::wire::pool::PendingClaim, serde_json::json};
/// let body = json!({
///     "status": "pending_acceptance", "instanceId": "k3v9x0a1b2c3", "acceptBy": "2026-08-01T01:00:00Z",
/// });
/// let pending: PendingClaim = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&pending)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingClaim {
    /// Always [`ProvisionStatus::PendingAcceptance`].
    pub status: ProvisionStatus,
    /// The instance that waits for acceptance.
    pub instance_id: InstanceId,
    /// When the claim is given up if nobody has accepted the agent.
    pub accept_by: DateTime<Utc>,
}

/// The outcome of a successful claim.
///
/// ```
/// # use {agent_pool_core::wire::pool::ClaimOutcome, serde_json::json};
/// let outcome: ClaimOutcome = serde_json::from_value(json!({
///     "status": "pending_acceptance", "instanceId": "k3v9x0a1b2c3", "acceptBy": "2026-08-01T01:00:00Z",
/// }))?;
/// assert_eq!(outcome.claimed(), None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClaimOutcome {
    /// The agent is in its conversation.
    Claimed(Claimed),
    /// The agent waits to be accepted into it.
    Pending(PendingClaim),
}

impl ClaimOutcome {
    /// The instance.
    #[must_use]
    pub const fn instance_id(&self) -> &InstanceId {
        match self {
            Self::Claimed(claimed) => &claimed.instance_id,
            Self::Pending(pending) => &pending.instance_id,
        }
    }

    /// The agent, if it is in its conversation.
    #[must_use]
    pub fn claimed(self) -> Option<Claimed> {
        match self {
            Self::Claimed(claimed) => Some(claimed),
            Self::Pending(_) => None,
        }
    }
}

/// The event `waiting` of `POST /api/pool/claim/stream`, while the claim waits because no instance is idle: sent when
/// the position changes.
///
/// ```
/// # use agent_pool_core::wire::pool::ClaimWaiting;
/// assert_eq!(serde_json::to_string(&ClaimWaiting { position: 2 })?, r#"{"position":2}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimWaiting {
    /// Its position in the queue; 1 is served next.
    pub position: u32,
}

/// The event `step` of `POST /api/pool/claim/stream`. It ends with `result` ([`Claimed`]),
/// `pending` ([`PendingClaim`]) or `error` ([`Problem`](crate::wire::problem::Problem)).
///
/// ```
/// # use agent_pool_core::wire::pool::{ClaimProgress, ClaimStep};
/// let event = r#"{"step":"configured","instanceId":"k3v9x0a1b2c3"}"#;
/// let progress: ClaimProgress = serde_json::from_str(event)?;
/// assert_eq!(progress.step, ClaimStep::Configured);
/// # assert_eq!(serde_json::to_string(&progress)?, event);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimProgress {
    /// The step that is done.
    pub step: ClaimStep,
    /// The instance of this step; another one if the claim continued with another instance.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClaimStep {
    /// An idle instance was taken for this claim.
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

    /// Its name in JSON.
    ///
    /// ```
    /// # use agent_pool_core::wire::pool::ClaimStep;
    /// assert_eq!(serde_json::to_value(ClaimStep::Taken)?, ClaimStep::Taken.as_str());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Configured => "configured",
            Self::Provisioned => "provisioned",
            Self::Recorded => "recorded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_may_be_empty() {
        let request: ClaimRequest = serde_json::from_str("{}").unwrap();
        assert_eq!(request, ClaimRequest::default());
        assert_eq!(serde_json::to_string(&request).unwrap(), "{}");
    }
}
