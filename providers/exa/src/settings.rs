use agent_pool_core::prelude::*;

/// Gives each instance a search key of its own.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Exa {
    /// A service key of the team. Exa must enable the Team Management API for the team first.
    pub(crate) service_key: Secret,
    /// URL of the Team Management API.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// Spending limit of one key, in US cents. Default: the team's limit.
    pub(crate) key_budget_cents: Option<u32>,
    /// Rate limit of one key, in the vendor's unit. Default: the team's limit.
    pub(crate) key_rate_limit: Option<u32>,
}

fn api_url() -> Url {
    settings::url("https://admin-api.exa.ai/team-management")
}
