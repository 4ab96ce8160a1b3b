//! AgentMail's JSON, as little of it as we use.

use agent_pool_core::Secret;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub(crate) struct NewInbox<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Inbox {
    /// The whole address.
    pub(crate) inbox_id: String,
    pub(crate) client_id: Option<String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InboxPage {
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApiKey {
    pub(crate) api_key_id: String,
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApiKeyPage {
    pub(crate) api_keys: Vec<ApiKey>,
    pub(crate) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreatedApiKey {
    pub(crate) api_key: Secret,
}

/// Who is asking.
#[derive(Debug, Deserialize)]
pub(crate) struct Identity {
    /// `organization`, `pod` or `inbox`.
    pub(crate) scope_type: String,
}
