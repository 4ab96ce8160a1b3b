//! The part of AgentMail's JSON that is used: <https://docs.agentmail.to/api-reference>.

use agent_pool_core::prelude::*;

/// The options of a provision.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MailboxOptions {
    /// The name that mail programs show.
    pub(crate) display_name: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct NewInbox<'a> {
    pub(crate) client_id: &'a str,
    pub(crate) username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct NewWebhook<'a> {
    pub(crate) url: &'a str,
    pub(crate) event_types: [&'a str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pod_ids: Option<[&'a str; 1]>,
    pub(crate) client_id: &'a str,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Inbox {
    /// The whole address.
    pub(crate) inbox_id: String,
    pub(crate) client_id: Option<String>,
    pub(crate) created_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Inboxes {
    pub(crate) inboxes: Vec<ListItem<Inbox>>,
    pub(crate) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApiKey {
    pub(crate) api_key_id: String,
    pub(crate) name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApiKeys {
    pub(crate) api_keys: Vec<ListItem<ApiKey>>,
    pub(crate) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreatedKey {
    pub(crate) api_key: Secret,
}

/// The scope of the key: `organization`, `pod` or `inbox`.
#[derive(Debug, Deserialize)]
pub(crate) struct Identity {
    pub(crate) scope_type: String,
}

/// The code of an inbox that is being deleted.
pub(crate) const DELETING: &str = "resource_deleting";

/// The vendor's advice is to read `code`: a taken address, a full quota and an unverified domain are all 403. Without a
/// code the status decides. Codes: <https://docs.agentmail.to/errors> (seen August 2026).
pub(crate) const FAULTS: FaultTable = FaultTable {
    code: "/code",
    messages: &["/message", "/errors"],
    kinds: &[
        (ErrorKind::Conflict, "already_exists resource_taken"),
        (ErrorKind::Invalid, "domain_not_verified"),
    ],
    // The gateway answers a wrong key with 403 and no code:
    // <https://docs.agentmail.to/knowledge-base/api-403-error> (seen November 2026).
    kinds_without_code: &[(403, ErrorKind::Unauthorized)],
    passing_codes: "conflict race_condition resource_deleting",
    ..FaultTable::BY_STATUS
};
