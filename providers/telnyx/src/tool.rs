use agent_pool_core::prelude::*;

use crate::order::Purchase;
use crate::settings::Telnyx;
use crate::wire::{FAULTS, Number, NumberOptions, fetch_all};

#[async_trait]
impl HttpTool for Telnyx {
    const ID: &str = "telnyx";
    const NAME: &str = "Telnyx";
    const MODE: &str = "per-instance-phone";
    const ENV_KEYS: &[&str] = &["TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"];
    const ON_REPEAT: OnRepeat = OnRepeat::Adopt;
    type Options = NumberOptions;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        let http = VendorHttp::new(self.api_url.clone()).fault_table(&FAULTS);
        http.bearer(&self.api_key, "TELNYX_API_KEY")
    }

    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let numbers: Vec<Number> = fetch_all(api.get(["phone_numbers"])).await?;
        let held = numbers.into_iter().filter(Number::is_held);
        let resource = |one: Number| {
            let resource = VendorResource::new(one.phone_number, one.customer_reference?);
            Some(resource.created_at(one.created_at))
        };
        Ok(held.filter_map(resource).collect())
    }

    async fn create(
        &self,
        api: Api<'_>,
        label: &str,
        options: NumberOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let created = self.create_number(api, label, options).await;
        if created.as_ref().is_err_and(|error| !error.is_transient()) {
            self.profiles.clear().await;
        }
        created
    }

    /// A number that is not listed may exist: lists may lag. One that another instance has by now stays.
    async fn delete(&self, api: Api<'_>, label: &str, number: &str) -> ProviderResult<()> {
        let request = api.get(["phone_numbers"]);
        // With the `+` the filter finds nothing.
        let request = request.query("filter[phone_number]", number.trim_start_matches('+'));
        let similar: Vec<Number> = fetch_all(request).await?;
        let is_anothers = |other: &str| other != label && api.cx().mark().instance(other).is_some();
        let id = match similar.iter().find(|one| one.phone_number == number) {
            Some(one) if !one.is_held() || one.label().is_some_and(is_anothers) => return Ok(()),
            listed => listed.map_or(number, |one| &one.id),
        };
        api.delete(["phone_numbers", id]).execute().await.map(drop)
    }
}

impl Telnyx {
    async fn create_number(
        &self,
        api: Api<'_>,
        label: &str,
        options: NumberOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let profile = self.profile(api).await?;
        let purchase = Purchase {
            settings: self,
            api,
            label,
            profile: &profile,
            area_code: options.area_code,
        };
        let number = purchase.number().await?;
        self.assign_profile(api, &number.id, &profile).await?;
        let values = [number.phone_number.clone(), profile].map(Secret::new);
        let env = Self::ENV_KEYS.iter().copied().zip(values);
        ProvisionedTool::new(&number.phone_number, env)
    }
}
