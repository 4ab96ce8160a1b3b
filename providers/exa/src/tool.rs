use agent_pool_core::prelude::*;

use crate::settings::Exa;
use crate::wire::{CreatedKey, FAULTS, Key, KeyOptions, Keys, NewKey, Spent};

#[async_trait]
impl HttpTool for Exa {
    const ID: &str = "exa";
    const NAME: &str = "Exa";
    const MODE: &str = "per-instance-key";
    const ENV_KEYS: &[&str] = &["EXA_API_KEY"];
    const CAPABILITIES: ToolCapabilities = ToolCapabilities::VERIFY.and_usage();
    type Options = KeyOptions;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        VendorHttp::new(self.api_url.clone())
            .fault_table(&FAULTS)
            .key_header("x-api-key", &self.service_key, "EXA_SERVICE_KEY")
    }

    /// The resource is the key's name, because a key's id may be its secret text.
    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let named = keys(api).await?.into_iter().filter_map(|key| {
            let name = key.name?;
            Some(VendorResource::new(&name, &name).created_at(key.created_at))
        });
        Ok(named.collect())
    }

    /// <https://exa.ai/docs/reference/team-management/create-api-key>
    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        options: KeyOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let key = NewKey {
            name: label,
            budget_cents: options.budget_cents.or(self.key_budget_cents),
            rate_limit: options.rate_limit.or(self.key_rate_limit),
        };
        let created: CreatedKey = api.post(["api-keys"]).json(&key).fetch().await?;
        ProvisionedTool::new(label, [("EXA_API_KEY", created.api_key.text()?)])
    }

    /// <https://exa.ai/docs/reference/team-management/delete-api-key>
    async fn delete(&self, api: Api<'_>, _: &str, name: &str) -> ProviderResult<()> {
        for key in named(api, name).await? {
            let address = key.address()?;
            let request = api.delete(["api-keys", address.expose()]).redact(address);
            absent_is_done(request.execute().await.map(drop))?;
        }
        Ok(())
    }

    /// `usd_30_days` spent by the key in the last thirty days, which is the vendor's default period:
    /// <https://exa.ai/docs/reference/team-management/get-api-key-usage>
    async fn usage(&self, api: Api<'_>, name: &str) -> ProviderResult<Usage> {
        let keys = named(api, name).await?;
        let absent = || ErrorKind::NotFound.because("there is no key of this name");
        let address = keys.first().ok_or_else(absent)?.address()?;
        let request = api.get(["api-keys", address.expose(), "usage"]);
        let spent: Spent = request.redact(address).fetch().await?;
        Ok(Usage(
            [("usd_30_days".to_owned(), spent.total_cost_usd)].into(),
        ))
    }
}

/// Every key of the team. The list has no pages: <https://exa.ai/docs/reference/team-management/list-api-keys>
async fn keys(api: Api<'_>) -> ProviderResult<Vec<Key>> {
    let read = |Keys { api_keys }, _: Option<u32>| Page {
        items: api_keys,
        next: None,
    };
    api.get(["api-keys"]).fetch_pages("", read).await
}

async fn named(api: Api<'_>, name: &str) -> ProviderResult<Vec<Key>> {
    let mut keys = keys(api).await?;
    keys.retain(|key| key.name.as_deref() == Some(name));
    Ok(keys)
}
