use agent_pool_core::prelude::*;

/// Gives each instance a key of its own.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct OpenRouter {
    /// A management key; an ordinary key is refused.
    pub(crate) management_key: Secret,
    /// URL of the API.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// Spending limit of one key, in US dollars.
    #[serde(default = "settings::amount::<20>")]
    pub(crate) key_limit: Amount,
    /// When the spent amount of a key is reset: daily, weekly or monthly. Default: never.
    pub(crate) key_limit_reset: Option<LimitReset>,
    /// Days after which a key stops working, even if it was forgotten. Must be longer than any instance lives.
    /// Default: never.
    pub(crate) key_expires_days: Option<u16>,
    /// Whether use of the account's own keys at model vendors counts towards the limit.
    #[serde(default)]
    pub(crate) include_byok_in_limit: bool,
    /// Guardrail that is assigned to every key. Default: that of the workspace.
    pub(crate) guardrail_id: Option<String>,
    /// Workspace in which keys are created. Default: the account's default workspace.
    pub(crate) workspace_id: Option<String>,
}

fn api_url() -> Url {
    settings::url("https://openrouter.ai/api/v1")
}

/// How often the spent amount of a key is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LimitReset {
    Daily,
    Weekly,
    Monthly,
}
