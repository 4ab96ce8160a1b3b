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
