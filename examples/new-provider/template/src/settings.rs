use agent_pool_core::prelude::*;

// Yours: the settings; each is a variable, ACME_ADMIN_KEY and so on
/// Gives each instance its own key at the vendor.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Acme {
    /// A key that may create and delete keys.
    pub(crate) admin_key: Secret,
    /// URL of the API.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
}

fn api_url() -> Url {
    settings::url("https://api.acme.example/v1")
}
