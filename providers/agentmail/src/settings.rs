use agent_pool_core::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

pub(crate) const PREFIX: &str = "AGENTMAIL_";

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// A key of the organisation, not one limited to a pod or an inbox.
    pub(crate) api_key: Secret,
    /// Where the API is; in the EU <https://api.agentmail.eu>.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// The domain of new addresses, verified at the vendor. Not set: the vendor's own.
    pub(crate) domain: Option<String>,
}

#[expect(clippy::expect_used, reason = "a constant")]
fn api_url() -> Url {
    Url::parse("https://api.agentmail.to").expect("it is a URL")
}
