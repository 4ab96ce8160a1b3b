use agent_pool_core::Attempt;
use agent_pool_core::prelude::*;

use crate::settings::AgentMail;
use crate::wire::{
    ApiKey, ApiKeys, CreatedKey, DELETING, FAULTS, Identity, Inbox, Inboxes, MailboxOptions,
    NewInbox, NewWebhook,
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
        let request = api.get(self.inboxes_path()).query("limit", 100);
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
        let request = api.post(self.inboxes_path()).json(&inbox);
        let inbox: Inbox = request.fetch().await?;
        let key = self.replace_key(api, &inbox.inbox_id, label).await;
        let key = key.map_err(absent_inbox)?;
        self.create_webhook(api).await?;
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

    /// A 404 may mean that the key may not see the inbox, unless it is a key of the whole organisation or pod.
    async fn confirm_absent(&self, api: Api<'_>) -> ProviderResult<()> {
        let Identity { scope_type } = api.get(["v0", "auth", "me"]).fetch().await?;
        if scope_type == "organization" || (scope_type == "pod" && self.pod_id.is_some()) {
            return Ok(());
        }
        let problem = format!(
            "AGENTMAIL_API_KEY is limited to one {scope_type}: use a key of the organisation"
        );
        Err(ErrorKind::Forbidden.because(problem))
    }

    async fn verify(&self, api: Api<'_>) -> ProviderResult<()> {
        self.confirm_absent(api).await
    }
}

impl AgentMail {
    /// A new key for the inbox. An existing key of this name is deleted, because its text is shown only once.
    async fn replace_key(&self, api: Api<'_>, inbox: &str, name: &str) -> ProviderResult<Secret> {
        let existing = match api.cx().attempt() {
            Attempt::First => Vec::new(),
            Attempt::Later => api_keys(api, inbox).await?,
        };
        for key in existing
            .iter()
            .filter(|key| key.name.as_deref() == Some(name))
        {
            let request = api.delete(["v0", "inboxes", inbox, "api-keys", &key.api_key_id]);
            absent_is_done(request.execute().await.map(drop))?;
        }
        let body = json!({ "name": name, "permissions": self.permissions() });
        let request = api.post(["v0", "inboxes", inbox, "api-keys"]).json(&body);
        let CreatedKey { api_key } = request.fetch().await?;
        Ok(api_key)
    }

    /// One webhook for all inboxes. A creation with a `client_id` that is in use changes nothing.
    async fn create_webhook(&self, api: Api<'_>) -> ProviderResult<()> {
        let Some(url) = &self.webhook_url else {
            return Ok(());
        };
        let client_id = webhook_client_id(api.cx().mark().prefix(), url.as_str());
        let webhook = NewWebhook {
            url: url.as_str(),
            event_types: ["message.received"],
            pod_ids: self.pod_id.as_deref().map(|pod| [pod]),
            client_id: &client_id,
        };
        let request = api.post(["v0", "webhooks"]).json(&webhook);
        request.execute().await.map(drop)
    }
}

/// Contains the URL, because the vendor would ignore another URL for a `client_id` that is in use.
fn webhook_client_id(prefix: &str, url: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-._~".contains(c) {
            c
        } else {
            '_'
        }
    };
    let id = format!("{prefix}webhook-{url}");
    id.chars().map(plain).take(256).collect()
}

async fn api_keys(api: Api<'_>, inbox: &str) -> ProviderResult<Vec<ApiKey>> {
    let request = api.get(["v0", "inboxes", inbox, "api-keys"]);
    let read = |page: ApiKeys, _| Page {
        items: page.api_keys,
        next: page.next_page_token,
    };
    request.fetch_pages("page_token", read).await
}

/// Parts of the vendor do not know a new inbox for a second or two. The `client_id` of a deleted inbox may return
/// that inbox forever.
fn absent_inbox(error: ProviderError) -> ProviderError {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let problem = "the inbox does not exist yet, or its client id belongs to a deleted inbox";
    ProviderError::new(ErrorKind::Conflict, problem)
        .with_retry_after(Duration::from_secs(2))
        .with_source(error)
}
