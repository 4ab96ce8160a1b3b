//! The state of OpenRouter: keys and workspaces.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::OpenRouterOptions;
use crate::ids::Ids;
use crate::time;

/// One API key, including its secret. This is for tests; no answer of the API contains it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenRouterKey {
    /// Its ID, which is not secret.
    pub hash: String,
    /// The key itself.
    pub secret: String,
    /// Its name; not unique.
    pub name: String,
    /// Its workspace.
    pub workspace_id: String,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Its limit in dollars.
    pub limit: Option<f64>,
    /// When its limit is reset.
    pub limit_reset: Option<String>,
    /// When it expires.
    pub expires_at: Option<String>,
    /// Whether usage through own vendor keys counts.
    pub include_byok_in_limit: bool,
    /// Its guardrail.
    pub guardrail_id: Option<String>,
    /// Dollars spent.
    pub usage: f64,
    /// When it was created.
    pub created_at: String,
    /// When it was changed.
    pub updated_at: Option<String>,
}

/// One workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRouterWorkspace {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its name in URLs, unique.
    pub slug: String,
    /// When it was created.
    pub created_at: String,
}

/// The current state of OpenRouter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenRouterState {
    /// Keys, oldest first.
    pub keys: Vec<OpenRouterKey>,
    /// Workspaces; the first is the default one.
    pub workspaces: Vec<OpenRouterWorkspace>,
}

/// The vendor: its state and its options.
#[derive(Debug)]
pub(crate) struct OpenRouter {
    pub(crate) held: OpenRouterState,
    pub(crate) options: OpenRouterOptions,
    pub(crate) ids: Ids,
    /// Keys of other programs, as in lists.
    pub(crate) foreign: Vec<Value>,
}

impl OpenRouter {
    pub(crate) fn new(options: OpenRouterOptions, seed: u64) -> Self {
        let mut ids = Ids::new(seed);
        let default = OpenRouterWorkspace {
            id: ids.uuid(),
            name: "Default".into(),
            slug: "default".into(),
            created_at: time::now(),
        };
        Self {
            held: OpenRouterState {
                keys: Vec::new(),
                workspaces: vec![default],
            },
            options,
            ids,
            foreign: Vec::new(),
        }
    }

    pub(crate) fn default_workspace(&self) -> String {
        self.held
            .workspaces
            .first()
            .map(|space| space.id.clone())
            .unwrap_or_default()
    }

    pub(crate) fn key_mut(&mut self, hash: &str) -> Option<&mut OpenRouterKey> {
        self.held.keys.iter_mut().find(|key| key.hash == hash)
    }
}

impl OpenRouterKey {
    /// The masked key, which is safe to show [S].
    pub(crate) fn label(&self) -> String {
        let end = self.secret.len().saturating_sub(3);
        format!("sk-or-v1-{}...{}", &self.secret[9..12], &self.secret[end..])
    }

    pub(crate) fn remaining(&self) -> Option<f64> {
        self.limit.map(|limit| (limit - self.usage).max(0.0))
    }

    /// The key object of the API: never the secret.
    pub(crate) fn json(&self) -> Value {
        json!({
            "hash": self.hash, "name": self.name, "label": self.label(),
            "disabled": self.disabled, "limit": self.limit, "limit_reset": self.limit_reset,
            "limit_remaining": self.remaining(), "expires_at": self.expires_at,
            "include_byok_in_limit": self.include_byok_in_limit,
            "workspace_id": self.workspace_id, "creator_user_id": null,
            "created_at": self.created_at, "updated_at": self.updated_at,
            "usage": self.usage, "usage_daily": self.usage, "usage_weekly": self.usage,
            "usage_monthly": self.usage, "byok_usage": 0.0, "byok_usage_daily": 0.0,
            "byok_usage_weekly": 0.0, "byok_usage_monthly": 0.0,
        })
    }
}
