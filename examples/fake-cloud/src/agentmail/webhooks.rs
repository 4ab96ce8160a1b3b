//! Webhooks: idempotent by `client_id`.

use serde::Deserialize;
use serde_json::json;

use super::error;
use super::state::{AgentMail, AgentMailWebhook};
use crate::api::read;
use crate::http::{Answer, Call};
use crate::time;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    url: String,
    event_types: Vec<String>,
    #[serde(default)]
    pod_ids: Vec<String>,
    client_id: Option<String>,
}

impl AgentMail {
    /// A used `client_id` returns the original; the rest of the request is ignored [D].
    pub(crate) fn create_webhook(&mut self, call: &Call) -> Result<Answer, Answer> {
        let new: NewWebhook = read::<Self, _>(call)?;
        if new.event_types.is_empty() {
            return Err(error::refuse(
                400,
                "validation_error",
                "event_types must not be empty",
            ));
        }
        let is_original =
            |one: &&AgentMailWebhook| new.client_id.is_some() && one.client_id == new.client_id;
        let webhook = match self.held.webhooks.iter().find(is_original) {
            Some(original) => original.clone(),
            None => {
                let webhook = AgentMailWebhook {
                    webhook_id: self.ids.uuid(),
                    url: new.url,
                    event_types: new.event_types,
                    pod_ids: new.pod_ids,
                    client_id: new.client_id,
                    created_at: time::now(),
                };
                self.held.webhooks.push(webhook.clone());
                webhook
            }
        };
        Ok(Answer::ok(json!({
            "webhook_id": webhook.webhook_id, "url": webhook.url, "event_types": webhook.event_types,
            "pod_ids": webhook.pod_ids, "client_id": webhook.client_id, "secret": "whsec_fake",
            "enabled": true, "created_at": webhook.created_at, "updated_at": webhook.created_at,
        })))
    }
}
