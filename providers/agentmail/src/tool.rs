use agent_pool_core::prelude::*;

use crate::settings::AgentMail;
use crate::wire::{
    ApiKey, ApiKeys, CreatedKey, DELETING, FAULTS, Identity, Inbox, Inboxes, MailboxOptions,
    NewInbox,
};

#[async_trait]
impl HttpTool for AgentMail {
    const ID: &str = "agentmail";
    const NAME: &str = "AgentMail";
    const MODE: &str = "per-instance-inbox";
    const ENV_KEYS: &[&str] = &["AGENTMAIL_INBOX_ID", "AGENTMAIL_API_KEY"];
    const ON_REPEAT: OnRepeat = OnRepeat::Adopt;
    type Options = MailboxOptions;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        VendorHttp::new(self.api_url.clone())
            .fault_table(&FAULTS)
            .bearer(&self.api_key, "AGENTMAIL_API_KEY")
    }

    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let request = api.get(["v0", "inboxes"]).query("limit", 100);
        let read = |page: Inboxes, _| Page {
            items: page.inboxes,
            next: page.next_page_token,
        };
        let inboxes = request.fetch_pages("page_token", read).await?.into_iter();
        let resource = |inbox: Inbox| {
            let resource = VendorResource::new(inbox.inbox_id, inbox.client_id?);
            Some(resource.created_at(inbox.created_at))
        };
        Ok(inboxes.filter_map(resource).collect())
    }

    /// A creation with a `client_id` that is in use answers with the existing inbox:
    /// <https://docs.agentmail.to/idempotency> (seen August 2026).
    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        options: MailboxOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let inbox = NewInbox {
            client_id: label,
            username: label,
            domain: self.domain.as_deref(),
            display_name: options.display_name.as_deref(),
        };
        let inbox: Inbox = api.post(["v0", "inboxes"]).json(&inbox).fetch().await?;
        let key = replace_key(api, &inbox.inbox_id, label)
            .await
            .map_err(not_there)?;
        let address = Secret::new(inbox.inbox_id.as_str());
        let env = [("AGENTMAIL_INBOX_ID", address), ("AGENTMAIL_API_KEY", key)];
        ProvisionedTool::new(&inbox.inbox_id, env)
    }

    /// An inbox that is being deleted counts as deleted.
    async fn delete(&self, api: Api<'_>, _: &str, inbox: &str) -> ProviderResult<()> {
        let reply = api.delete(["v0", "inboxes", inbox]).send().await?;
        if FAULTS.has_code(&reply, DELETING) {
            return Ok(());
        }
        api.vendor().check(reply).map(drop)
    }

    /// A 404 may mean that the key may not see the inbox, unless it is a key of the whole organisation.
    async fn confirm_absent(&self, api: Api<'_>) -> ProviderResult<()> {
        let Identity { scope_type } = api.get(["v0", "auth", "me"]).fetch().await?;
        if scope_type == "organization" {
            return Ok(());
        }
        let problem = format!(
            "AGENTMAIL_API_KEY is limited to one {scope_type}: use a key of the organisation"
        );
        Err(ProviderError::new(ErrorKind::Forbidden, problem))
    }

    async fn verify(&self, api: Api<'_>) -> ProviderResult<()> {
        self.confirm_absent(api).await
    }
}

/// A new key for the inbox. An existing key of this name is deleted, because its text is shown only once.
async fn replace_key(api: Api<'_>, inbox: &str, name: &str) -> ProviderResult<Secret> {
    for key in api_keys(api, inbox)
        .await?
        .iter()
        .filter(|key| key.name.as_deref() == Some(name))
    {
        let request = api.delete(["v0", "inboxes", inbox, "api-keys", &key.api_key_id]);
        absent_is_done(request.execute().await.map(drop))?;
    }
    let request = api
        .post(["v0", "inboxes", inbox, "api-keys"])
        .json(&json!({ "name": name }));
    let CreatedKey { api_key } = request.fetch().await?;
    Ok(api_key)
}

async fn api_keys(api: Api<'_>, inbox: &str) -> ProviderResult<Vec<ApiKey>> {
    let request = api.get(["v0", "inboxes", inbox, "api-keys"]);
    let read = |page: ApiKeys, _| Page {
        items: page.api_keys,
        next: page.next_page_token,
    };
    request.fetch_pages("page_token", read).await
}

/// A new inbox is unknown to parts of the vendor for a second or two. The `client_id` of a deleted inbox may answer with
/// that inbox for ever.
fn not_there(error: ProviderError) -> ProviderError {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let problem = "the inbox does not exist yet, or its client id belongs to a deleted inbox";
    ProviderError::new(ErrorKind::Conflict, problem)
        .with_retry_after(Duration::from_secs(2))
        .with_source(error)
}
