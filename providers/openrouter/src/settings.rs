use agent_pool_core::Secret;
use agent_pool_core::settings::Amount;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

pub(crate) const PREFIX: &str = "OPENROUTER_";

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// A management key; an ordinary key is refused.
    pub(crate) management_key: Secret,
    /// Where the API is.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// What one key may spend, in US dollars.
    #[serde(default = "key_limit")]
    pub(crate) key_limit: Amount,
    /// When the spent amount starts again at zero: daily, weekly or monthly. Not set: never.
    pub(crate) key_limit_reset: Option<LimitReset>,
    /// The workspace in which keys are made. Not set: the account's default one.
    pub(crate) workspace_id: Option<String>,
}

#[expect(clippy::expect_used, reason = "a constant")]
fn api_url() -> Url {
    Url::parse("https://openrouter.ai/api/v1").expect("it is a URL")
}

fn key_limit() -> Amount {
    Amount::whole(20)
}

/// How often a key's spent amount starts again at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LimitReset {
    Daily,
    Weekly,
    Monthly,
}
