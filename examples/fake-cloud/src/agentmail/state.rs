//! The state of AgentMail: inboxes and the keys of single inboxes.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AgentMailOptions;
use crate::ids::Ids;
use crate::time;

/// One inbox. Its ID is its address [U][D].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentMailInbox {
    /// The address.
    pub inbox_id: String,
    /// Its pod; always the organisation's own.
    pub pod_id: String,
    /// The address again.
    pub email: String,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The idempotency key of its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, Value>>,
    /// When it was created.
    pub created_at: String,
    /// When it was changed.
    pub updated_at: String,
}

/// A key of one inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMailKey {
    /// Its ID.
    pub api_key_id: String,
    /// The key itself; only the first answer contains it.
    pub api_key: String,
    /// Its inbox.
    pub inbox_id: String,
    /// Its name.
    pub name: String,
    /// Its permissions; `None` for all within its inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// When it was created.
    pub created_at: String,
}

/// A webhook for messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMailWebhook {
    /// Its ID.
    pub webhook_id: String,
    /// Where events are sent.
    pub url: String,
    /// The event types.
    pub event_types: Vec<String>,
    /// The pods whose events are sent; empty for all.
    pub pod_ids: Vec<String>,
    /// The idempotency key of its creation.
    pub client_id: Option<String>,
    /// When it was created.
    pub created_at: String,
}

/// The current state of AgentMail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentMailState {
    /// Inboxes, oldest first.
    pub inboxes: Vec<AgentMailInbox>,
    /// Keys of single inboxes, oldest first.
    pub api_keys: Vec<AgentMailKey>,
    /// Webhooks, oldest first.
    pub webhooks: Vec<AgentMailWebhook>,
}

/// The vendor: its state and its options.
#[derive(Debug)]
pub(crate) struct AgentMail {
    pub(crate) held: AgentMailState,
    pub(crate) options: AgentMailOptions,
    pub(crate) ids: Ids,
    pub(crate) organization_id: String,
    pub(crate) pod_id: String,
    pub(crate) created_at: String,
    /// Every used `client_id`, with the ID of what it created.
    pub(crate) replays: HashMap<String, AgentMailInbox>,
    /// Inboxes of other programs, as in lists.
    pub(crate) foreign: Vec<Value>,
}

impl AgentMail {
    pub(crate) fn new(options: AgentMailOptions, seed: u64) -> Self {
        let mut ids = Ids::new(seed);
        Self {
            held: AgentMailState::default(),
            options,
            organization_id: ids.uuid(),
            pod_id: ids.uuid(),
            ids,
            created_at: time::now(),
            replays: HashMap::new(),
            foreign: Vec::new(),
        }
    }

    pub(crate) fn inbox(&self, id: &str) -> Option<&AgentMailInbox> {
        self.held.inboxes.iter().find(|inbox| inbox.inbox_id == id)
    }
}
