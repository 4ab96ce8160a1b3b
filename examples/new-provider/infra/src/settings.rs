use agent_pool_core::prelude::*;

// Yours: the settings; each is a variable, ACME_TOKEN and so on
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// A token that may create and delete machines.
    pub(crate) token: Secret,
    /// URL of the API.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// Image that instances run.
    pub(crate) image: String,
}

fn api_url() -> Url {
    settings::url("https://api.acme.example/v1")
}
