//! Keys: the secret is shown once, there is no lookup by name, and a list covers one workspace.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::error;
use super::state::{OpenRouter, OpenRouterKey};
use crate::api::read;
use crate::given::Given;
use crate::http::{Answer, BodyFault, Call};
use crate::time;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reset {
    Daily,
    Weekly,
    Monthly,
}

impl Reset {
    fn word(self) -> String {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
        .to_owned()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: String,
    limit: Option<f64>,
    limit_reset: Option<Reset>,
    expires_at: Option<String>,
    #[serde(default)]
    include_byok_in_limit: bool,
    workspace_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyPatch {
    name: Option<String>,
    disabled: Option<bool>,
    include_byok_in_limit: Option<bool>,
    #[serde(default)]
    limit: Given<f64>,
    #[serde(default)]
    limit_reset: Given<Reset>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuardrailKeys {
    key_hashes: Vec<String>,
}

impl OpenRouter {
    /// Names are not unique, and the call is not idempotent [S has no 409]. Only this answer contains the
    /// secret [S].
    pub(crate) fn create_key(&mut self, call: &Call) -> Result<Answer, Answer> {
        let new: NewKey = read::<Self, _>(call)?;
        self.check(&new)?;
        let key = OpenRouterKey {
            hash: self.ids.hex(64),
            secret: format!("sk-or-v1-{}", self.ids.hex(64)),
            name: new.name,
            workspace_id: new.workspace_id.unwrap_or_else(|| self.default_workspace()),
            disabled: false,
            limit: new.limit,
            limit_reset: new.limit_reset.map(Reset::word),
            expires_at: new.expires_at,
            include_byok_in_limit: new.include_byok_in_limit,
            guardrail_id: None,
            usage: 0.0,
            created_at: time::now(),
            updated_at: None,
        };
        let body = json!({"data": key.json(), "key": key.secret});
        self.held.keys.push(key);
        Ok(Answer::json(StatusCode::CREATED, body))
    }

    fn check(&self, new: &NewKey) -> Result<(), Answer> {
        let bad = |field: &str, text: &str| Err(error::body(&BodyFault::value(field, text)));
        if new.name.is_empty() {
            return bad("name", "must have at least 1 character");
        }
        if new.limit.is_some_and(|limit| limit < 0.0) {
            return bad("limit", "must not be negative");
        }
        // Only UTC is accepted [S].
        let utc = |text: &str| {
            let parsed = chrono::DateTime::parse_from_rfc3339(text);
            parsed.is_ok_and(|time| time.offset().local_minus_utc() == 0)
        };
        if new.expires_at.as_deref().is_some_and(|text| !utc(text)) {
            return bad("expires_at", "must be an ISO 8601 time in UTC");
        }
        let known = |id: &String| self.held.workspaces.iter().any(|space| &space.id == id);
        if new.workspace_id.as_ref().is_some_and(|id| !known(id)) {
            return bad("workspace_id", "no such workspace");
        }
        Ok(())
    }

    /// Keys of one workspace, by default the default one [S]; newest first, pages by offset [D];
    /// disabled keys on request (the default is not documented [?]: here they are excluded).
    pub(crate) fn list_keys(&mut self, call: &Call) -> Result<Answer, Answer> {
        let offset = match call.param("offset") {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                error::body(&BodyFault::value(
                    "offset",
                    "must be a whole number, 0 or more",
                ))
            })?,
        };
        let disabled_too = call.param("include_disabled") == Some("true");
        let default = self.default_workspace();
        let workspace = call.param("workspace_id").unwrap_or(&default);
        let listed = self
            .held
            .keys
            .iter()
            .rev()
            .filter(|key| key.workspace_id == workspace && (disabled_too || !key.disabled));
        let foreign = self
            .foreign
            .iter()
            .filter(|_| *workspace == default)
            .cloned();
        let listed = listed.map(OpenRouterKey::json).chain(foreign);
        let page = listed.skip(offset).take(self.options.page_size);
        Ok(Answer::ok(json!({"data": page.collect::<Vec<_>>()})))
    }

    pub(crate) fn get_key(&mut self, call: &Call) -> Result<Answer, Answer> {
        let key = self
            .key_mut(call.segment(0))
            .ok_or_else(|| error::not_found("API key"))?;
        Ok(Answer::ok(json!({"data": key.json()})))
    }

    pub(crate) fn update_key(&mut self, call: &Call) -> Result<Answer, Answer> {
        let patch: KeyPatch = read::<Self, _>(call)?;
        let key = self
            .key_mut(call.segment(0))
            .ok_or_else(|| error::not_found("API key"))?;
        if let Some(name) = patch.name {
            key.name = name;
        }
        key.disabled = patch.disabled.unwrap_or(key.disabled);
        key.include_byok_in_limit = patch
            .include_byok_in_limit
            .unwrap_or(key.include_byok_in_limit);
        patch.limit.apply(&mut key.limit);
        match patch.limit_reset {
            Given::Absent => {}
            Given::Null => key.limit_reset = None,
            Given::Value(reset) => key.limit_reset = Some(reset.word()),
        }
        key.updated_at = Some(time::now());
        Ok(Answer::ok(json!({"data": key.json()})))
    }

    /// A key has at most one guardrail: an assignment replaces it [S].
    pub(crate) fn assign_guardrail(&mut self, call: &Call) -> Result<Answer, Answer> {
        let new: GuardrailKeys = read::<Self, _>(call)?;
        let id = call.segment(0);
        if !self.options.guardrails.iter().any(|known| known == id) {
            return Err(error::not_found("Guardrail"));
        }
        for hash in &new.key_hashes {
            let key = self
                .key_mut(hash)
                .ok_or_else(|| error::not_found("API key"))?;
            key.guardrail_id = Some(id.to_owned());
        }
        Ok(Answer::ok(json!({"assigned_count": new.key_hashes.len()})))
    }

    /// A repeated call answers 404 [S].
    pub(crate) fn delete_key(&mut self, call: &Call) -> Result<Answer, Answer> {
        let before = self.held.keys.len();
        self.held.keys.retain(|key| key.hash != call.segment(0));
        if self.held.keys.len() == before {
            return Err(error::not_found("API key"));
        }
        Ok(Answer::ok(json!({"deleted": true})))
    }

    /// Describes the caller's key, management or ordinary.
    pub(crate) fn current_key(&mut self, call: &Call) -> Result<Answer, Answer> {
        let key = self.held.keys.iter().find(|key| key.secret == call.key);
        let usage = key.map_or(0.0, |key| key.usage);
        let management = key.is_none();
        Ok(Answer::ok(json!({"data": {
            "label": key.map_or_else(|| "sk-or-v1-man...key".to_owned(), OpenRouterKey::label),
            "limit": key.and_then(|key| key.limit), "limit_reset": key.and_then(|key| key.limit_reset.clone()),
            "limit_remaining": key.and_then(OpenRouterKey::remaining),
            "include_byok_in_limit": key.is_some_and(|key| key.include_byok_in_limit),
            "expires_at": key.and_then(|key| key.expires_at.clone()), "creator_user_id": null,
            "usage": usage, "usage_daily": usage, "usage_weekly": usage, "usage_monthly": usage,
            "byok_usage": 0.0, "byok_usage_daily": 0.0, "byok_usage_weekly": 0.0, "byok_usage_monthly": 0.0,
            "is_free_tier": false, "is_management_key": management, "is_provisioning_key": management,
            "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
        }})))
    }

    /// The credits of the account.
    pub(crate) fn credits(&mut self, _: &Call) -> Result<Answer, Answer> {
        let usage: f64 = self.held.keys.iter().map(|key| key.usage).sum();
        let total = self.options.total_credits;
        Ok(Answer::ok(
            json!({"data": {"total_credits": total, "total_usage": usage}}),
        ))
    }
}
