#![doc = include_str!("../README.md")]

mod vendor;

use agent_pool_core::prelude::*;

use crate::vendor::{NewToken, Token, Tokens};

inventory::submit! { ToolRegistration::of::<Acme>(env!("CARGO_PKG_NAME")) }

/// Gives each instance a token of its own for the maps of Acme.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Acme {
    /// A key that may issue and revoke tokens.
    admin_key: Secret,
    /// Where the API is.
    #[serde(default = "api_url")]
    api_url: Url,
    /// What a token may be used for.
    #[serde(default = "scope")]
    scope: String,
}

fn api_url() -> Url {
    settings::url("https://api.acme.example/v2")
}

fn scope() -> String {
    "geocode".to_owned()
}

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
        let tokens = api.get(["tokens"]).fetch_pages("page", |page: Tokens, at| {
            let next = at.unwrap_or(1) + 1;
            Page {
                items: page.tokens,
                next: (next <= page.pages).then_some(next),
            }
        });
        let resource = |one: Token| {
            VendorResource::new(one.token_id, one.label).created_at(one.issued_at)
        };
        Ok(tokens.await?.into_iter().map(resource).collect())
    }

    async fn create(&self, api: Api<'_>, label: &str, _: NoOptions) -> ProviderResult<ProvisionedTool> {
        let asked = json!({ "label": label, "scopes": [self.scope] });
        let made: NewToken = api.post(["tokens"]).json(&asked).fetch().await?;
        ProvisionedTool::new(&made.token_id, [("ACME_TOKEN", made.token)])
    }

    async fn delete(&self, api: Api<'_>, _label: &str, id: &str) -> ProviderResult<()> {
        api.delete(["tokens", id]).execute().await.map(drop)
    }
}
