//! The caller: the organisation's key, or the key of one inbox.

use hyper::StatusCode;
use serde_json::json;

use super::error;
use super::state::AgentMail;
use crate::http::{Answer, Call, Request};

/// The operations that a key of one inbox may call.
const OF_ONE_INBOX: [&str; 5] = [
    "inboxes_list",
    "inboxes_get",
    "inboxes_update",
    "auth_me",
    "inboxes_apiKeys_list",
];

impl AgentMail {
    /// The scheme is case-sensitive [D].
    pub(crate) fn admit(&self, request: &Request, operation: &str) -> Result<String, Answer> {
        if request.header("authorization").is_none() {
            let text = "Missing Authorization header";
            return Err(error::refuse(401, "missing_authorization", text));
        }
        let Some(key) = request.bearer() else {
            let text = "Authorization header must be a Bearer token";
            return Err(error::refuse(401, "invalid_token_type", text));
        };
        if self.options.api_keys.iter().any(|known| known == key) {
            return Ok(key.to_owned());
        }
        if self.scope(key).is_none() {
            // The gateway refuses it before the API, without a code [D].
            return Err(Answer::json(
                StatusCode::FORBIDDEN,
                json!({"message": "Forbidden"}),
            ));
        }
        if !OF_ONE_INBOX.contains(&operation) {
            let text = "This key may not do that";
            return Err(error::refuse(403, "missing_permission", text));
        }
        Ok(key.to_owned())
    }

    /// The inbox of a key; `None` for the organisation's keys.
    pub(crate) fn scope(&self, key: &str) -> Option<&str> {
        let scoped = self
            .held
            .api_keys
            .iter()
            .find(|scoped| scoped.api_key == key);
        scoped.map(|scoped| scoped.inbox_id.as_str())
    }

    pub(crate) fn who_am_i(&mut self, call: &Call) -> Result<Answer, Answer> {
        let inbox = self.scope(&call.key);
        let id = inbox.unwrap_or(&self.organization_id);
        let kind = if inbox.is_some() {
            "inbox"
        } else {
            "organization"
        };
        Ok(Answer::ok(json!({
            "scope_type": kind, "scope_id": id, "organization_id": self.organization_id,
            "pod_id": inbox.map(|_| &self.pod_id), "inbox_id": inbox, "api_key_id": null,
        })))
    }

    pub(crate) fn organization(&mut self, _: &Call) -> Result<Answer, Answer> {
        Ok(Answer::ok(json!({
            "organization_id": self.organization_id,
            "inbox_count": self.held.inboxes.len(), "inbox_limit": self.options.inbox_limit,
            "domain_count": self.options.domains.len(), "domain_limit": null,
            "created_at": self.created_at, "updated_at": self.created_at,
        })))
    }
}
