use agent_pool_core::prelude::*;

use crate::wire::{
    ApiKey, ApiKeys, CreatedKey, DELETING, FAULTS, Identity, Inbox, Inboxes, Name, NewInbox,
};

/// Gives each instance a mailbox and a key to it.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct AgentMail {
    /// A key of the organisation, not one limited to a pod or an inbox.
    api_key: Secret,
    /// Where the API is; in the EU <https://api.agentmail.eu>.
    #[serde(default = "api_url")]
    api_url: Url,
    /// The domain of new addresses, verified at the vendor. Not set: the vendor's own.
    domain: Option<String>,
}

fn api_url() -> Url {
    settings::url("https://api.agentmail.to")
}

#[async_trait]
impl HttpTool for AgentMail {
    const ID: &str = "agentmail";
    const NAME: &str = "AgentMail";
    const MODE: &str = "per-instance-inbox";
    const ENV_KEYS: &[&str] = &["AGENTMAIL_INBOX_ID", "AGENTMAIL_API_KEY"];
    const ON_REPEAT: OnRepeat = OnRepeat::Adopt;
    type Options = Name;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        VendorHttp::new(self.api_url.clone())
            .fault_table(&FAULTS)
            .bearer(&self.api_key, "AGENTMAIL_API_KEY")
    }

    async fn list(&self, api: Api<'_>) -> Answer<Vec<Found>> {
        let request = api.get(["v0", "inboxes"]).query("limit", 100);
        let read = |page: Inboxes, _| Page {
            items: page.inboxes,
            next: page.next_page_token,
        };
        let inboxes = request.pages("page_token", read).await?.into_iter();
        let found = inboxes.filter_map(|inbox| {
            Some(Found::new(inbox.inbox_id, inbox.client_id?).made_at(inbox.created_at))
        });
        Ok(found.collect())
    }

    /// A `client_id` that was used answers the inbox that is there:
    /// <https://docs.agentmail.to/idempotency> (seen August 2026).
    async fn create(&self, api: Api<'_>, label: &str, name: Name) -> Answer<ProvisionedTool> {
        let inbox = NewInbox {
            client_id: label,
            username: label,
            domain: self.domain.as_deref(),
            display_name: name.display_name.as_deref(),
        };
        let inbox: Inbox = api.post(["v0", "inboxes"]).json(&inbox).fetch().await?;
        let key = replace_key(api, &inbox.inbox_id, label)
            .await
            .map_err(not_there)?;
        let address = Secret::new(inbox.inbox_id.as_str());
        let env = [("AGENTMAIL_INBOX_ID", address), ("AGENTMAIL_API_KEY", key)];
        ProvisionedTool::new(&inbox.inbox_id, env)
    }

    /// An inbox whose deletion is already under way counts as deleted.
    async fn delete(&self, api: Api<'_>, _: &str, inbox: &str) -> Answer<()> {
        let reply = api.delete(["v0", "inboxes", inbox]).send().await?;
        if FAULTS.is(&reply, DELETING) {
            return Ok(());
        }
        api.vendor().check(reply).map(drop)
    }

    /// What is not there may be out of the key's reach, but for a key of the whole organisation.
    async fn gone(&self, api: Api<'_>) -> Answer<()> {
        let Identity { scope_type } = api.get(["v0", "auth", "me"]).fetch().await?;
        if scope_type == "organization" {
            return Ok(());
        }
        let problem = format!(
            "AGENTMAIL_API_KEY is limited to one {scope_type}: use a key of the organisation"
        );
        Err(ProviderError::new(ErrorKind::Forbidden, problem))
    }

    async fn verify(&self, api: Api<'_>) -> Answer<()> {
        self.gone(api).await
    }
}

/// A new key to the inbox. One of this name that is there goes: its text cannot be had again.
async fn replace_key(api: Api<'_>, inbox: &str, name: &str) -> Answer<Secret> {
    for key in api_keys(api, inbox)
        .await?
        .iter()
        .filter(|key| key.name == name)
    {
        let request = api.delete(["v0", "inboxes", inbox, "api-keys", &key.api_key_id]);
        absent_is_done(request.done().await.map(drop))?;
    }
    let request = api
        .post(["v0", "inboxes", inbox, "api-keys"])
        .json(&json!({ "name": name }));
    let CreatedKey { api_key } = request.fetch().await?;
    Ok(api_key)
}

async fn api_keys(api: Api<'_>, inbox: &str) -> Answer<Vec<ApiKey>> {
    let request = api.get(["v0", "inboxes", inbox, "api-keys"]);
    let read = |page: ApiKeys, _| Page {
        items: page.api_keys,
        next: page.next_page_token,
    };
    request.pages("page_token", read).await
}

/// The vendor answers a new inbox before all of it knows of it, for a second or two; and it may answer
/// the `client_id` of an inbox that was deleted since, for good.
fn not_there(error: ProviderError) -> ProviderError {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let problem = "the inbox is not there yet, or its client id is one of a deleted inbox";
    ProviderError::new(ErrorKind::Conflict, problem)
        .with_retry_after(Duration::from_secs(2))
        .with_source(error)
}
