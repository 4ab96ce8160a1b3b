use agent_pool_core::http::{Data, Page, VendorHttp, pages};
use agent_pool_core::settings::SettingsError;
use agent_pool_core::{Context, ProviderError};

use crate::error;
use crate::model::{CreatedKey, Credits, Key, KeyChange, NewKey, Workspace, Workspaces};
use crate::settings::Settings;

/// The management API, one method per endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    http: VendorHttp,
}

type Answer<T> = Result<T, ProviderError>;

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let http = VendorHttp::new(settings.api_url.clone())
            .bearer(&settings.management_key, "OPENROUTER_MANAGEMENT_KEY")?
            .faults(error::read);
        Ok(Self { http })
    }

    pub(crate) async fn workspaces(&self, cx: &Context) -> Answer<Vec<Workspace>> {
        pages(|offset| async move {
            let at = offset.unwrap_or(0);
            let request = self.http.get(["workspaces"]).query("limit", 100);
            let page: Workspaces = request.query("offset", at).fetch(cx).await?;
            let next = at + page.data.len();
            Ok(Page {
                items: page.data,
                next: (at < next && next < page.total_count).then_some(next),
            })
        })
        .await
    }

    /// The keys of one workspace, disabled ones too.
    pub(crate) async fn keys(&self, cx: &Context, workspace: &Workspace) -> Answer<Vec<Key>> {
        pages(|offset| async move {
            let at = offset.unwrap_or(0);
            let request = self.http.get(["keys"]).query("offset", at);
            let request = request.query("workspace_id", workspace.id.as_str());
            let page: Data<Vec<Key>> = request.query("include_disabled", true).fetch(cx).await?;
            // A list ends at an empty page: no page size is promised.
            let next = (!page.data.is_empty()).then_some(at + page.data.len());
            Ok(Page {
                items: page.data,
                next,
            })
        })
        .await
    }

    pub(crate) async fn create_key(&self, cx: &Context, key: &NewKey<'_>) -> Answer<CreatedKey> {
        self.http.post(["keys"]).json(key).fetch(cx).await
    }

    pub(crate) async fn key(&self, cx: &Context, hash: &str) -> Answer<Key> {
        let answer: Data<Key> = self.http.get(["keys", hash]).fetch(cx).await?;
        Ok(answer.data)
    }

    pub(crate) async fn update_key(
        &self,
        cx: &Context,
        hash: &str,
        change: &KeyChange,
    ) -> Answer<()> {
        self.http
            .patch(["keys", hash])
            .json(change)
            .done(cx)
            .await?;
        Ok(())
    }

    pub(crate) async fn delete_key(&self, cx: &Context, hash: &str) -> Answer<()> {
        self.http.delete(["keys", hash]).done(cx).await?;
        Ok(())
    }

    pub(crate) async fn credits(&self, cx: &Context) -> Answer<Credits> {
        let answer: Data<Credits> = self.http.get(["credits"]).fetch(cx).await?;
        Ok(answer.data)
    }
}
