//! OpenRouter's JSON, as little of it as we use:
//! <https://openrouter.ai/docs/guides/overview/auth/management-api-keys>.

use agent_pool_core::prelude::*;

#[derive(Debug, Deserialize)]
pub(crate) struct Workspaces {
    pub(crate) data: Vec<Workspace>,
    pub(crate) total_count: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    pub(crate) id: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Key {
    pub(crate) hash: String,
    pub(crate) name: String,
    /// The masked text, safe to show.
    pub(crate) label: String,
    pub(crate) created_at: String,
    pub(crate) usage: f64,
    pub(crate) limit_remaining: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct CreatedKey {
    pub(crate) data: Key,
    pub(crate) key: Secret,
}

/// What a caller may ask of a key.
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
}

/// What an update may change: the caller's options, passed on.
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

/// How often a key's spent amount starts again at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LimitReset {
    Daily,
    Weekly,
    Monthly,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Credits {
    pub(crate) total_credits: f64,
    pub(crate) total_usage: f64,
}

/// The code repeats the status, which says the kind.
pub(crate) const FAULTS: FaultTable = FaultTable::words(&["/error/message", "/error/metadata"]);
