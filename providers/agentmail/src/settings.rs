use std::collections::BTreeMap;

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
    /// Pod in which inboxes are created. Default: the organisation's own pod.
    pub(crate) pod_id: Option<String>,
    /// Permissions of an instance's key, separated by commas.
    #[serde(default = "key_permissions")]
    pub(crate) key_permissions: String,
    /// Webhook for messages received by any inbox of the organisation, or of the pod if there is one.
    pub(crate) webhook_url: Option<Url>,
    /// Price of an inbox per month of 730 hours, in US dollars: the price of one in addition to a plan
    /// (<https://www.agentmail.to/pricing>). Inboxes that the plan includes cost less: set 0 if yours are included.
    #[serde(default = "settings::amount::<2>")]
    #[expect(dead_code, reason = "it is read as a price")]
    price_per_month: Amount,
    /// The day on which this price was looked up.
    #[serde(default = "prices_as_of")]
    #[expect(dead_code, reason = "it is read as a price")]
    prices_as_of: String,
}

fn prices_as_of() -> String {
    "2026-09-20".to_owned()
}

/// What an agent needs to read and answer its mail. It cannot delete its inbox or create keys.
fn key_permissions() -> String {
    [
        "inbox_read",
        "message_read",
        "message_send",
        "message_update",
        "draft_read",
        "draft_create",
        "draft_update",
        "draft_delete",
        "draft_send",
    ]
    .join(",")
}

fn api_url() -> Url {
    settings::url("https://api.agentmail.to")
}

impl AgentMail {
    /// The path of the collection of inboxes.
    pub(crate) fn inboxes_path(&self) -> Vec<&str> {
        match &self.pod_id {
            Some(pod) => vec!["v0", "pods", pod, "inboxes"],
            None => vec!["v0", "inboxes"],
        }
    }

    /// The vendor's `permissions` object, in which everything that is absent is denied.
    pub(crate) fn permissions(&self) -> BTreeMap<&str, bool> {
        let names = self.key_permissions.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty());
        names.map(|name| (name, true)).collect()
    }
}
