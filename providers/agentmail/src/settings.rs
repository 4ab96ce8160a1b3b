use agent_pool_core::prelude::*;

/// Gives each instance a mailbox and a key for it.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct AgentMail {
    /// A key of the organisation, not one that is limited to a pod or an inbox.
    pub(crate) api_key: Secret,
    /// URL of the API; in the EU <https://api.agentmail.eu>.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// Domain of new addresses, which must be verified at the vendor. Default: the vendor's own domain.
    pub(crate) domain: Option<String>,
}

fn api_url() -> Url {
    settings::url("https://api.agentmail.to")
}
