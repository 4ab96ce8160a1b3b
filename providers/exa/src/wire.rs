//! The part of Exa's JSON that is used: <https://exa.ai/docs/team-management-spec.yaml>.

use agent_pool_core::prelude::*;

/// The options of a provision.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyOptions {
    pub(crate) budget_cents: Option<u32>,
    pub(crate) rate_limit: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewKey<'a> {
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) budget_cents: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate_limit: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedKey {
    pub(crate) api_key: Key,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Keys {
    pub(crate) api_keys: Vec<ListItem<Key>>,
}

/// A key in either form that the vendor documents. The newer form has a `publicId`, which is not secret and addresses
/// the key, and a `secret`. The older form has an `id`, which is both.
/// <https://exa.ai/docs/reference/team-management/rotate-api-key> (seen September 2026).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    id: Option<Secret>,
    public_id: Option<Secret>,
    secret: Option<Secret>,
    pub(crate) name: Option<String>,
    pub(crate) created_at: Option<String>,
}

impl Key {
    /// The id in the URLs of its calls.
    pub(crate) fn address(&self) -> ProviderResult<&Secret> {
        let address = self.public_id.as_ref().or(self.id.as_ref());
        address.ok_or_else(|| incomplete("without publicId and id"))
    }

    /// The text that its owner sends as `x-api-key`.
    pub(crate) fn text(self) -> ProviderResult<Secret> {
        let text = self.secret.or(self.id);
        text.ok_or_else(|| incomplete("without secret and id"))
    }
}

fn incomplete(how: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Protocol, format!("answered a key {how}"))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Spent {
    pub(crate) total_cost_usd: f64,
}

/// The status alone decides. <https://exa.ai/docs/admin/error-codes>
pub(crate) const FAULTS: FaultTable = FaultTable::messages(&["/error"]);
