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

/// The vendor asks to go by `code`; where it is absent the status says the kind. Codes:
/// <https://docs.agentmail.to/errors> (seen August 2026).
#[derive(Deserialize)]
struct Refusal {
    code: Option<String>,
    message: String,
    #[serde(default)]
    errors: Vec<FieldFault>,
}

#[derive(Deserialize)]
struct FieldFault {
    path: Value,
    message: String,
}

/// The code of an inbox whose deletion is under way.
pub(crate) const DELETING: &str = "resource_deleting";

pub(crate) fn code(reply: &Reply) -> Option<String> {
    reply.json::<Refusal>().ok()?.code
}

pub(crate) fn fault(reply: &Reply) -> Option<VendorFault> {
    let Refusal {
        code,
        message,
        errors,
    } = reply.json().ok()?;
    let code = code.as_deref().unwrap_or_default();
    let fields = errors.iter();
    let fields = fields.map(|fault| format!("; {}: {}", dotted(&fault.path), fault.message));
    let in_flight = matches!(code, "conflict" | "race_condition" | DELETING);
    Some(VendorFault {
        kind: kind(code),
        message: message + &fields.collect::<String>(),
        retry_after: in_flight.then_some(Duration::from_secs(2)),
    })
}

/// Only where the status does not say it: address, quota and domain all come as 403.
fn kind(code: &str) -> Option<ErrorKind> {
    match code {
        "already_exists" | "resource_taken" => Some(ErrorKind::Conflict),
        "domain_not_verified" => Some(ErrorKind::Invalid),
        _ => None,
    }
}

/// A path is a text, or a list of names and numbers.
fn dotted(path: &Value) -> String {
    let text = |part: &Value| {
        part.as_str()
            .map_or_else(|| part.to_string(), str::to_owned)
    };
    let parts = path
        .as_array()
        .map_or(std::slice::from_ref(path), Vec::as_slice);
    parts.iter().map(text).collect::<Vec<_>>().join(".")
}
