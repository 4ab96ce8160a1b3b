//! The part of OpenRouter's JSON that is used: <https://openrouter.ai/docs/guides/overview/auth/management-api-keys>.

use agent_pool_core::prelude::*;

use crate::settings::LimitReset;

#[derive(Debug, Deserialize)]
pub(crate) struct Workspaces {
    pub(crate) data: Vec<ListItem<Workspace>>,
    pub(crate) total_count: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    pub(crate) id: String,
}

/// A key in a list, which may be somebody else's.
#[derive(Debug, Deserialize)]
pub(crate) struct ListedKey {
    pub(crate) hash: String,
    pub(crate) name: String,
    pub(crate) created_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Key {
    pub(crate) hash: String,
    /// The masked text of the key, which is not secret.
    pub(crate) label: Option<String>,
    pub(crate) usage: Option<f64>,
    pub(crate) limit_remaining: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreatedKey {
    pub(crate) data: Key,
    pub(crate) key: Secret,
}

/// The options of a provision.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyOptions {
    pub(crate) limit: Option<Amount>,
    pub(crate) limit_reset: Option<LimitReset>,
}

#[derive(Debug, Serialize)]
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) limit: Amount,
    pub(crate) limit_reset: Option<LimitReset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workspace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<String>,
    pub(crate) include_byok_in_limit: bool,
}

/// The options of an update, which are passed on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"), deny_unknown_fields)]
pub(crate) struct KeyChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_reset: Option<LimitReset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Credits {
    pub(crate) total_credits: f64,
    pub(crate) total_usage: f64,
}

/// The code repeats the status.
pub(crate) const FAULTS: FaultTable = FaultTable::messages(&["/error/message", "/error/metadata"]);
