//! What AgentMail holds: inboxes and the keys of single inboxes.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AgentMailOptions;
use crate::ids::Ids;
use crate::time;

/// One inbox. Its id is its address [U][D].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentMailInbox {
    /// The address.
    pub inbox_id: String,
    /// Its pod; all are in the organisation's own.
    pub pod_id: String,
    /// The address once more.
    pub email: String,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The idempotency key that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What its owner noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, Value>>,
    /// When it was made.
    pub created_at: String,
    /// When it was changed.
    pub updated_at: String,
}

/// A key that reaches one inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMailKey {
    /// Its id.
    pub api_key_id: String,
    /// Its text; no answer but the first shows it.
    pub api_key: String,
    /// Its inbox.
    pub inbox_id: String,
    /// Its name.
    pub name: String,
    /// What it may do; `None` for everything within its inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<BTreeMap<String, bool>>,
    /// When it was made.
    pub created_at: String,
}

/// A webhook for messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMailWebhook {
    /// Its id.
    pub webhook_id: String,
    /// Where events are sent.
    pub url: String,
    /// The events.
    pub event_types: Vec<String>,
    /// The pods whose events are sent; all if there are none.
    pub pod_ids: Vec<String>,
    /// The idempotency key that made it.
    pub client_id: Option<String>,
    /// When it was made.
    pub created_at: String,
}

/// All that AgentMail holds now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentMailState {
    /// Inboxes, oldest first.
    pub inboxes: Vec<AgentMailInbox>,
    /// Keys of single inboxes, oldest first.
    pub api_keys: Vec<AgentMailKey>,
    /// Webhooks, oldest first.
    pub webhooks: Vec<AgentMailWebhook>,
}

/// The vendor: what it holds and how it is set up.
#[derive(Debug)]
pub(crate) struct AgentMail {
    pub(crate) held: AgentMailState,
    pub(crate) options: AgentMailOptions,
    pub(crate) ids: Ids,
    pub(crate) organization_id: String,
    pub(crate) pod_id: String,
    pub(crate) created_at: String,
    /// Every `client_id` ever used, with what it made.
    pub(crate) replays: HashMap<String, AgentMailInbox>,
    /// Inboxes of other programs, as lists show them.
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
