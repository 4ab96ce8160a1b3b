use agent_pool_core::prelude::*;

use crate::wire::{CreatedKey, FAULTS, Key, KeyOptions, Keys, NewKey, Spent};

/// Gives each instance a search key of its own.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Exa {
    /// A service key of the team, made once Exa has enabled the Team Management API for it.
    service_key: Secret,
    /// Where the Team Management API is.
    #[serde(default = "api_url")]
    api_url: Url,
    /// What one key may spend, in US cents. Not set: what the team may.
    key_budget_cents: Option<u32>,
    /// How many requests one key may make, in the vendor's unit. Not set: as many as the team.
    key_rate_limit: Option<u32>,
}

fn api_url() -> Url {
    settings::url("https://admin-api.exa.ai/team-management")
}

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

    /// The resource is the key's name: its id may be its text.
    async fn list(&self, api: Api<'_>) -> Answer<Vec<Found>> {
        let named = keys(api).await?.into_iter().filter_map(|key| {
            let name = key.name?;
            Some(Found::new(&name, &name).made_at(key.created_at))
        });
        Ok(named.collect())
    }

    /// <https://exa.ai/docs/reference/team-management/create-api-key>
    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        options: KeyOptions,
    ) -> Answer<ProvisionedTool> {
        let key = NewKey {
            name: label,
            budget_cents: options.budget_cents.or(self.key_budget_cents),
            rate_limit: options.rate_limit.or(self.key_rate_limit),
        };
        let created: CreatedKey = api.post(["api-keys"]).json(&key).fetch().await?;
        ProvisionedTool::new(label, [("EXA_API_KEY", created.api_key.text()?)])
    }

    /// <https://exa.ai/docs/reference/team-management/delete-api-key>
    async fn delete(&self, api: Api<'_>, _: &str, name: &str) -> Answer<()> {
        for key in named(api, name).await? {
            let address = key.address()?;
            let request = api.delete(["api-keys", address.expose()]).hiding(address);
            absent_is_done(request.done().await.map(drop))?;
        }
        Ok(())
    }

    /// `usd_30_days` spent by the key in the last thirty days, which is what the vendor sums up unless told:
    /// <https://exa.ai/docs/reference/team-management/get-api-key-usage>
    async fn usage(&self, api: Api<'_>, name: &str) -> Answer<Usage> {
        let keys = named(api, name).await?;
        let gone = || ProviderError::new(ErrorKind::NotFound, "there is no key of this name");
        let address = keys.first().ok_or_else(gone)?.address()?;
        let request = api.get(["api-keys", address.expose(), "usage"]);
        let spent: Spent = request.hiding(address).fetch().await?;
        Ok(Usage(
            [("usd_30_days".to_owned(), spent.total_cost_usd)].into(),
        ))
    }
}

/// Every key of the team. The list has no pages: <https://exa.ai/docs/reference/team-management/list-api-keys>
async fn keys(api: Api<'_>) -> Answer<Vec<Key>> {
    let Keys { api_keys } = api.get(["api-keys"]).fetch().await?;
    Ok(api_keys)
}

async fn named(api: Api<'_>, name: &str) -> Answer<Vec<Key>> {
    let mut keys = keys(api).await?;
    keys.retain(|key| key.name.as_deref() == Some(name));
    Ok(keys)
}
