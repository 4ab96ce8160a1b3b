//! The runtime contract: the API of every instance, authorised by a bearer key.
//!
//! ```
//! use agent_pool_core::wire::runtime::{Health, ProvisionRequest};
//!
//! let health: Health = serde_json::from_str(r#"{"ready": true}"#).unwrap();
//! assert!(health.ready);
//! let request: ProvisionRequest = serde_json::from_str(
//!     r#"{"agentName": "Tulip", "instructions": "You help a small club plan its outings."}"#,
//! ).unwrap();
//! assert_eq!(request.agent_name.as_str(), "Tulip");
//! ```

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::problem::ProblemCode;
use super::{AgentMetadata, AgentName, Instructions, JoinUrl, ProfileImage};
use crate::EnvVars;

/// The path of the health check below an instance's URL.
pub const HEALTH_PATH: &str = "pool/health";

/// The path that provisions an instance as an agent, below its URL.
pub const PROVISION_PATH: &str = "pool/provision";

/// The path that resets an unclaimed instance, below its URL. Optional: a runtime without it answers 404.
pub const RESET_PATH: &str = "pool/reset";

/// The path that passes variables to a running agent, below its URL. A runtime without it answers 404: it cannot have
/// tools that are created at a claim, and gets the variables of others with its next deployment.
pub const VARIABLES_PATH: &str = "pool/variables";

/// `GET /pool/health`. Anything but 200 with `ready: true` is not ready.
///
/// ```
/// # use agent_pool_core::wire::runtime::Health;
/// assert!(serde_json::from_str::<Health>(r#"{"ready": true}"#)?.ready);
/// assert!(serde_json::from_str::<Health>(r#"{"status": "ok"}"#).is_err(), "no word, not ready");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Whether the agent can join a conversation now.
    pub ready: bool,
    /// The runtime's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it is already an agent. A claim that finds such an instance idle, for example after a database was
    /// restored, leaves the agent alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<bool>,
    /// When the agent was last active for somebody. A pool with an idle timeout uses it to end agents; an agent whose
    /// runtime does not report it is never ended for being idle.
    #[serde(
        default,
        rename = "lastActivity",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_activity: Option<DateTime<Utc>>,
    /// Whether it accepts [`Variables`] while it runs. At a claim, no tools are created for an instance that does
    /// not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<bool>,
}

/// `POST /pool/provision`: not idempotent, a second call creates a second conversation.
///
/// A refusal is a [`Problem`](super::problem::Problem), whose code says whose fault it is:
/// [`JoinFailed`](super::problem::ProblemCode::JoinFailed), the conversation of `join_url` could not be joined;
/// [`NotReady`](super::problem::ProblemCode::NotReady), the runtime cannot take a conversation yet;
/// [`AlreadyProvisioned`](super::problem::ProblemCode::AlreadyProvisioned), it is another agent. A 5xx without one of
/// these codes counts as the link's fault if there is a link, and otherwise as the instance's.
///
/// ```
/// # use {agent_pool_core::wire::runtime::ProvisionRequest, serde_json::json};
/// let body = json!({ "agentName": "Tulip", "instructions": "You help a small club." });
/// let request: ProvisionRequest = serde_json::from_value(body.clone())?;
/// assert_eq!(serde_json::to_value(&request)?, body, "no `joinUrl`: a new conversation");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionRequest {
    /// The agent's name.
    pub agent_name: AgentName,
    /// The agent's instructions. Some runtimes refuse an empty text.
    pub instructions: Instructions,
    /// The conversation to join; absent to open a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_url: Option<JoinUrl>,
    /// The agent's picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_image: Option<ProfileImage>,
    /// Further data from the claimer for the runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<AgentMetadata>,
    /// Where to send an [`Acceptance`] after answering [`ProvisionStatus::PendingAcceptance`]. Absent: the pool
    /// cannot wait, and a pending join counts as failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<Url>,
    /// Where the agent requests the tools that its pool gives on demand, with its own key: `POST {tools_url}/TOOL`,
    /// and `DELETE` to release one. Absent: the pool does not know its own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools_url: Option<Url>,
}

/// `POST /pool/variables`: variables that the agent must use from now on, also after a restart. A blank one counts as
/// not set; variables that are not named are kept. The request is idempotent. It may arrive at any time once the
/// runtime is ready, even before or during a `POST /pool/provision`; `POST /pool/reset` discards these variables.
///
/// ```
/// # use agent_pool_core::wire::runtime::Variables;
/// let body = r#"{"variables":{"TELNYX_API_KEY":"hunter2"}}"#;
/// let variables: Variables = serde_json::from_str(body)?;
/// assert_eq!(serde_json::to_string(&variables)?, body);
/// assert!(!format!("{variables:?}").contains("hunter2"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Variables {
    /// The variables.
    #[serde(serialize_with = "EnvVars::expose_all")]
    pub variables: EnvVars,
}

/// The answer to [`ProvisionRequest`]. Without a `conversation_id` the agent is in no conversation, and the claim is
/// not complete.
///
/// ```
/// # use agent_pool_core::wire::runtime::Provisioned;
/// let answer: Provisioned = serde_json::from_str("{}")?;
/// assert_eq!((answer.conversation_id, answer.joined), (None, false), "readable, and no claim");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provisioned {
    /// The conversation.
    #[serde(default)]
    pub conversation_id: Option<String>,
    /// Where a person reaches the agent; the `join_url` if it joined one.
    #[serde(default)]
    pub invite_url: Option<String>,
    /// Whether it joined an existing conversation.
    #[serde(default)]
    pub joined: bool,
    /// Absent for an agent that is in its conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProvisionStatus>,
}

/// The progress of a runtime with [`ProvisionRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionStatus {
    /// The agent asked to join; a person must still accept it.
    PendingAcceptance,
    /// Any other word: the agent is in its conversation.
    #[serde(other)]
    Other,
}

/// `POST` to [`ProvisionRequest::callback_url`], authorised by the instance's own key: the answer that the runtime
/// would have given to the provision if a person had decided at once. Either [`Provisioned`] with a conversation, or
/// a problem with a code, such as `join_failed` if the agent was not accepted.
///
/// ```
/// # use agent_pool_core::wire::runtime::Acceptance;
/// let body = r#"{"conversationId": "7U0H", "inviteUrl": "https://a.example/c/1", "joined": true}"#;
/// assert_eq!(serde_json::from_str::<Acceptance>(body)?.code, None, "it is let in");
/// let body = r#"{"code": "join_failed", "detail": "they said no"}"#;
/// assert!(serde_json::from_str::<Acceptance>(body)?.code.is_some());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Acceptance {
    /// The conversation that the agent was accepted into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// Where a person reaches the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_url: Option<String>,
    /// Whether it joined an existing conversation.
    pub joined: bool,
    /// Why it is in no conversation; absent if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ProblemCode>,
    /// The reason in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
