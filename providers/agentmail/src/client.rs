use agent_pool_core::http::{Page, VendorHttp, pages};
use agent_pool_core::settings::SettingsError;
use agent_pool_core::{Context, ProviderError};
use serde_json::json;

use crate::error;
use crate::model::{ApiKey, ApiKeyPage, CreatedApiKey, Identity, Inbox, InboxPage, NewInbox};
use crate::settings::Settings;

/// The API, one method per endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    http: VendorHttp,
}

type Answer<T> = Result<T, ProviderError>;

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let http = VendorHttp::new(settings.api_url.clone())
            .bearer(&settings.api_key, "AGENTMAIL_API_KEY")?
            .faults(error::read);
        Ok(Self { http })
    }

    pub(crate) async fn create_inbox(&self, cx: &Context, inbox: &NewInbox<'_>) -> Answer<Inbox> {
        self.http
            .post(["v0", "inboxes"])
            .json(inbox)
            .fetch(cx)
            .await
    }

    pub(crate) async fn inboxes(&self, cx: &Context) -> Answer<Vec<Inbox>> {
        pages(|token: Option<String>| async move {
            let request = self.http.get(["v0", "inboxes"]).query("limit", 100);
            let page: InboxPage = request.query_each("page_token", token).fetch(cx).await?;
            Ok(Page {
                items: page.inboxes,
                next: page.next_page_token,
            })
        })
        .await
    }

    /// An inbox whose deletion is already under way counts as deleted.
    pub(crate) async fn delete_inbox(&self, cx: &Context, id: &str) -> Answer<()> {
        let reply = self.http.delete(["v0", "inboxes", id]).send(cx).await?;
        if error::code(&reply).as_deref() == Some(error::DELETING) {
            return Ok(());
        }
        self.http.check(reply).map(drop)
    }

    pub(crate) async fn api_keys(&self, cx: &Context, inbox: &str) -> Answer<Vec<ApiKey>> {
        pages(|token: Option<String>| async move {
            let request = self.http.get(["v0", "inboxes", inbox, "api-keys"]);
            let page: ApiKeyPage = request.query_each("page_token", token).fetch(cx).await?;
            Ok(Page {
                items: page.api_keys,
                next: page.next_page_token,
            })
        })
        .await
    }

    pub(crate) async fn create_api_key(
        &self,
        cx: &Context,
        inbox: &str,
        name: &str,
    ) -> Answer<CreatedApiKey> {
        let request = self.http.post(["v0", "inboxes", inbox, "api-keys"]);
        request.json(&json!({ "name": name })).fetch(cx).await
    }

    pub(crate) async fn delete_api_key(&self, cx: &Context, inbox: &str, key: &str) -> Answer<()> {
        let request = self.http.delete(["v0", "inboxes", inbox, "api-keys", key]);
        request.done(cx).await.map(drop)
    }

    pub(crate) async fn identity(&self, cx: &Context) -> Answer<Identity> {
        self.http.get(["v0", "auth", "me"]).fetch(cx).await
    }
}
