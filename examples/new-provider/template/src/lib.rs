#![doc = include_str!("../README.md")]

mod vendor;

use agent_pool_core::prelude::*;

use crate::vendor::{Key, Keys, NewKey};

inventory::submit! { ToolRegistration::of::<Acme>(env!("CARGO_PKG_NAME")) }

// Yours: the settings; each is a variable, ACME_ADMIN_KEY and so on
/// Gives each instance a key of its own at Acme.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Acme {
    /// A key that may make and delete keys.
    admin_key: Secret,
    /// Where the API is.
    #[serde(default = "api_url")]
    api_url: Url,
}

fn api_url() -> Url {
    settings::url("https://api.acme.example/v1")
}

#[async_trait]
impl HttpTool for Acme {
    const ID: &str = "acme";
    const NAME: &str = "Acme";
    // Yours: what an instance gets, in a word and by its variables
    const MODE: &str = "per-instance-key";
    const ENV_KEYS: &[&str] = &["ACME_API_KEY"];
    type Options = NoOptions;

    // Yours: how the vendor is told who is asking
    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        VendorHttp::new(self.api_url.clone()).bearer(&self.admin_key, "ACME_ADMIN_KEY")
    }

    // Yours: the three calls; the label is what the vendor has to keep, so that a sweep knows what is ours
    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let keys = api.get(["keys"]).fetch_pages("after", |page: Keys, _| Page {
            items: page.keys,
            next: page.next,
        });
        let resource =
            |key: Key| VendorResource::new(key.id, key.name).created_at(key.created_at);
        Ok(keys.await?.into_iter().map(resource).collect())
    }

    async fn create(&self, api: Api<'_>, label: &str, _: NoOptions) -> ProviderResult<ProvisionedTool> {
        let asked = json!({ "name": label });
        let key: NewKey = api.post(["keys"]).json(&asked).fetch().await?;
        ProvisionedTool::new(&key.id, [("ACME_API_KEY", key.secret)])
    }

    async fn delete(&self, api: Api<'_>, _label: &str, id: &str) -> ProviderResult<()> {
        api.delete(["keys", id]).execute().await.map(drop)
    }
}
