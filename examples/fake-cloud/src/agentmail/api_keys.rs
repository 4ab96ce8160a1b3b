//! Keys of one inbox: shown once, deleted with their inbox.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{AgentMail, AgentMailKey};
use super::{error, page};
use crate::api::read;
use crate::http::{Answer, Call};
use crate::time;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: Option<String>,
    permissions: Option<BTreeMap<String, bool>>,
}

impl AgentMailKey {
    fn json(&self) -> Value {
        let prefix: String = self.api_key.chars().take(8).collect();
        json!({
            "api_key_id": self.api_key_id, "prefix": prefix, "name": self.name,
            "inbox_id": self.inbox_id, "created_at": self.created_at,
        })
    }
}

impl AgentMail {
    pub(crate) fn list_keys(&mut self, call: &Call) -> Result<Answer, Answer> {
        let inbox = &self.held.inboxes[self.find(call)?].inbox_id;
        let keys = self
            .held
            .api_keys
            .iter()
            .filter(|key| &key.inbox_id == inbox);
        page::page(
            "api_keys",
            keys.map(AgentMailKey::json).collect(),
            call,
            self.options.page_size,
        )
    }

    pub(crate) fn create_key(&mut self, call: &Call) -> Result<Answer, Answer> {
        let new: NewKey = read::<Self, _>(call)?;
        let permissions = new.permissions.iter().flatten();
        if let Some((name, _)) = permissions.into_iter().find(|(name, _)| !known(name)) {
            let text = format!("permissions.{name} is not a permission");
            return Err(error::refuse(400, "validation_error", &text));
        }
        let inbox = self.held.inboxes[self.find(call)?].inbox_id.clone();
        let key = AgentMailKey {
            api_key_id: self.ids.uuid(),
            api_key: format!("am_{}", self.ids.hex(48)),
            inbox_id: inbox,
            name: new.name.unwrap_or_else(|| "API key".into()),
            permissions: new.permissions,
            created_at: time::now(),
        };
        let mut body = key.json();
        body["api_key"] = key.api_key.clone().into();
        self.held.api_keys.push(key);
        Ok(Answer::ok(body))
    }

    pub(crate) fn delete_key(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.find(call)?;
        let before = self.held.api_keys.len();
        self.held
            .api_keys
            .retain(|key| key.api_key_id != call.segment(1));
        if self.held.api_keys.len() == before {
            return Err(error::not_found("API key"));
        }
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    }
}

/// Whether the vendor knows this permission [S].
fn known(permission: &str) -> bool {
    let Some((resource, action)) = permission.rsplit_once('_') else {
        return false;
    };
    let resources = [
        "inbox",
        "message",
        "draft",
        "webhook",
        "domain",
        "list_entry",
        "metrics",
        "api_key",
        "pod",
        "label_spam",
        "label_blocked",
        "label_unauthenticated",
        "label_trash",
    ];
    resources.contains(&resource)
        && ["read", "create", "update", "delete", "send"].contains(&action)
}
