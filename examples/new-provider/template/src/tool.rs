use agent_pool_core::prelude::*;

use crate::settings::Acme;
use crate::wire::{Key, Keys, NewKey};

#[async_trait]
impl HttpTool for Acme {
    const ID: &str = "acme";
    const NAME: &str = "Acme";
    // Yours: what an instance gets, as a short word, and its variables
    const MODE: &str = "per-instance-key";
    const ENV_KEYS: &[&str] = &["ACME_API_KEY"];
    type Options = NoOptions;

    // Yours: the header with the account's key
    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        VendorHttp::new(self.api_url.clone()).bearer(&self.admin_key, "ACME_ADMIN_KEY")
    }

    // Yours: the three calls; the vendor must keep the label, so that a sweep can tell which resources are ours
    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let read = |page: Keys, _| Page {
            items: page.keys,
            next: page.next,
        };
        let keys = api.get(["keys"]).fetch_pages("after", read).await?;
        let resource = |key: Key| VendorResource::new(key.id, key.name).created_at(key.created_at);
        Ok(keys.into_iter().map(resource).collect())
    }

    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        _: NoOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let body = json!({ "name": label });
        let key: NewKey = api.post(["keys"]).json(&body).fetch().await?;
        ProvisionedTool::new(&key.id, [("ACME_API_KEY", key.secret)])
    }

    async fn delete(&self, api: Api<'_>, _label: &str, id: &str) -> ProviderResult<()> {
        api.delete(["keys", id]).execute().await.map(drop)
    }
}
