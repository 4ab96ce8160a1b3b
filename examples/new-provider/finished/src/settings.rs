use agent_pool_core::prelude::*;

/// Gives each instance its own token for the maps of Acme.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Acme {
    /// A key that may issue and revoke tokens.
    pub(crate) admin_key: Secret,
    /// URL of the API.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// What a token may be used for.
    #[serde(default = "scope")]
    pub(crate) scope: String,
}

fn api_url() -> Url {
    settings::url("https://api.acme.example/v2")
}

fn scope() -> String {
    "geocode".to_owned()
}
