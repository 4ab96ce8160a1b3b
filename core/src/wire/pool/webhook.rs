//! Webhooks: the endpoints that are notified, and the log of deliveries.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Secret;

/// An event that an endpoint can be notified of.
///
/// ```
/// use agent_pool_core::wire::pool::WebhookEvent;
/// assert_eq!(WebhookEvent::PoolEmpty.as_str(), "pool.empty");
/// assert_eq!("instance.claimed".parse(), Ok(WebhookEvent::InstanceClaimed));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum WebhookEvent {
    /// An instance became somebody's agent.
    #[serde(rename = "instance.claimed")]
    InstanceClaimed,
    /// A claimed instance was found dead.
    #[serde(rename = "instance.crashed")]
    InstanceCrashed,
    /// An agent is about to be ended by its pool's policy.
    #[serde(rename = "instance.ending")]
    InstanceEnding,
    /// No instance is idle although some are wanted. Sent once until one is idle again.
    #[serde(rename = "pool.empty")]
    PoolEmpty,
    /// The pool creates no instances until it is resumed.
    #[serde(rename = "pool.paused")]
    PoolPaused,
    /// The pool has spent its budget.
    #[serde(rename = "pool.budget_reached")]
    BudgetReached,
    /// A roll-out was stopped.
    #[serde(rename = "rollout.stopped")]
    RolloutStopped,
    /// Somebody asked for a test message.
    #[serde(rename = "webhook.test")]
    Test,
}

/// The error of an unknown event name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an event: expected one of {}", WebhookEvent::words())]
pub struct UnknownWebhookEvent;

impl WebhookEvent {
    /// Every event.
    pub const ALL: [Self; 8] = [
        Self::InstanceClaimed,
        Self::InstanceCrashed,
        Self::InstanceEnding,
        Self::PoolEmpty,
        Self::PoolPaused,
        Self::BudgetReached,
        Self::RolloutStopped,
        Self::Test,
    ];

    /// Its name in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InstanceClaimed => "instance.claimed",
            Self::InstanceCrashed => "instance.crashed",
            Self::InstanceEnding => "instance.ending",
            Self::PoolEmpty => "pool.empty",
            Self::PoolPaused => "pool.paused",
            Self::BudgetReached => "pool.budget_reached",
            Self::RolloutStopped => "rollout.stopped",
            Self::Test => "webhook.test",
        }
    }

    fn words() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl std::str::FromStr for WebhookEvent {
    type Err = UnknownWebhookEvent;

    fn from_str(word: &str) -> Result<Self, UnknownWebhookEvent> {
        let mut all = Self::ALL.into_iter();
        all.find(|event| event.as_str() == word)
            .ok_or(UnknownWebhookEvent)
    }
}

/// `POST /api/pool/webhooks`: an endpoint to notify.
///
/// ```
/// # use agent_pool_core::wire::pool::NewWebhook;
/// let new: NewWebhook = serde_json::from_str(r#"{"url": "https://example.com/hook"}"#)?;
/// assert!(new.events.is_empty(), "every event");
/// assert!(!format!("{new:?}").contains("example.com"), "a URL may contain a token");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWebhook {
    /// Where to send messages.
    #[serde(serialize_with = "expose")]
    pub url: Secret,
    /// The events to send; empty for all of them.
    #[serde(default)]
    pub events: Vec<WebhookEvent>,
    /// `whsec_` and the base64 of 24 to 64 bytes; absent for a new random one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "Secret::expose_optional"
    )]
    pub secret: Option<Secret>,
}

fn expose<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// An endpoint, without its secret and the parts of its URL that may contain one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: String,
    /// Scheme and host of its URL.
    pub target: String,
    /// The events that it is notified of; empty for all of them.
    pub events: Vec<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was disabled, because it answered 410 Gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<DateTime<Utc>>,
    /// Number of messages that are not delivered yet.
    pub pending: u32,
}

/// The answer to `POST /api/pool/webhooks`. The secret is not shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedWebhook {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: WebhookEndpoint,
    /// The key of its signatures.
    #[serde(serialize_with = "Secret::expose_optional")]
    pub secret: Option<Secret>,
}

/// `GET /api/pool/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Webhooks {
    /// Every endpoint, oldest first.
    pub endpoints: Vec<WebhookEndpoint>,
}

/// `GET /api/pool/webhook-deliveries`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookDeliveries {
    /// The deliveries.
    pub deliveries: Vec<WebhookDelivery>,
}

/// One message to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDelivery {
    /// An increasing number: pass it as `before` to page back.
    pub id: i64,
    /// The message, as in the header `webhook-id`.
    pub message_id: String,
    /// The endpoint.
    pub endpoint_id: String,
    /// What happened.
    pub event: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Number of attempts to send it.
    pub attempts: u32,
    /// The HTTP status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it is sent next; absent if it is delivered or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// The answer to requests that queue messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhooksQueued {
    /// Number of deliveries that are due now.
    pub queued: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_written_as_its_word() {
        for event in WebhookEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
            assert_eq!(event.as_str().parse(), Ok(event));
        }
        assert!("pool".parse::<WebhookEvent>().is_err());
    }
}
