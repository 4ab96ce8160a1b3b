//! AgentMail's JSON, as little of it as we use: <https://docs.agentmail.to/api-reference>.

use agent_pool_core::prelude::*;

/// What a caller may ask of a mailbox: the name that mail programs show.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Name {
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

#[derive(Debug, Deserialize)]
pub(crate) struct Inbox {
    /// The whole address.
    pub(crate) inbox_id: String,
    pub(crate) client_id: Option<String>,
    pub(crate) created_at: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Inboxes {
    pub(crate) inboxes: Vec<Inbox>,
    pub(crate) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApiKey {
    pub(crate) api_key_id: String,
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ApiKeys {
    pub(crate) api_keys: Vec<ApiKey>,
    pub(crate) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreatedKey {
    pub(crate) api_key: Secret,
}

/// Who is asking: `organization`, `pod` or `inbox`.
#[derive(Debug, Deserialize)]
pub(crate) struct Identity {
    pub(crate) scope_type: String,
}

/// The code of an inbox whose deletion is under way.
pub(crate) const DELETING: &str = "resource_deleting";

/// The vendor asks to go by `code`; where it is absent the status says the kind, as it does not where address,
/// quota and domain all come as 403. Codes: <https://docs.agentmail.to/errors> (seen August 2026).
pub(crate) const FAULTS: FaultTable = FaultTable {
    code: "/code",
    words: &["/message", "/errors"],
    kinds: &[
        (ErrorKind::Conflict, "already_exists resource_taken"),
        (ErrorKind::Invalid, "domain_not_verified"),
    ],
    passing: "conflict race_condition resource_deleting",
};
