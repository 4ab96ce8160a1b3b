use agent_pool_core::prelude::*;

use crate::settings::Acme;
use crate::wire::{NewToken, Token, Tokens};

#[async_trait]
impl HttpTool for Acme {
    const ID: &str = "acme";
    const NAME: &str = "Acme";
    const MODE: &str = "per-instance-token";
    const ENV_KEYS: &[&str] = &["ACME_TOKEN"];
    type Options = NoOptions;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        let http = VendorHttp::new(self.api_url.clone());
        http.key_header("x-acme-key", &self.admin_key, "ACME_ADMIN_KEY")
    }

    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let read = |page: Tokens, number| {
            let next = number.unwrap_or(1) + 1;
            Page {
                items: page.tokens,
                next: (next <= page.pages).then_some(next),
            }
        };
        let tokens = api.get(["tokens"]).fetch_pages("page", read).await?;
        let resource =
            |one: Token| VendorResource::new(one.token_id, one.label).created_at(one.issued_at);
        Ok(tokens.into_iter().map(resource).collect())
    }

    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        _: NoOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let body = json!({ "label": label, "scopes": [self.scope] });
        let created: NewToken = api.post(["tokens"]).json(&body).fetch().await?;
        ProvisionedTool::new(&created.token_id, [("ACME_TOKEN", created.token)])
    }

    async fn delete(&self, api: Api<'_>, _label: &str, id: &str) -> ProviderResult<()> {
        api.delete(["tokens", id]).execute().await.map(drop)
    }
}
