use agent_pool_core::prelude::*;
use futures_util::future::join;

use crate::kept::released_at;
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

    fn notices(&self) -> Vec<String> {
        self.texting_notice()
            .map(str::to_owned)
            .into_iter()
            .collect()
    }

    /// The state of each assignment to the campaign.
    async fn refresh(&self, api: Api<'_>) -> ProviderResult<Vec<(String, Metadata)>> {
        let states = self.campaign_states(api).await?.into_iter();
        let metadata = |state| Metadata::from_iter([(CAMPAIGN_STATE.to_owned(), state)]);
        Ok(states
            .map(|(number, state)| (number, metadata(state)))
            .collect())
    }

    /// Kept numbers are not among the resources, because they belong to no instance. A gauge counts them.
    async fn list(&self, api: Api<'_>) -> ProviderResult<Vec<VendorResource>> {
        let numbers: Vec<Number> = fetch_all(api.get(["phone_numbers"])).await?;
        let is_kept = |number: &Number| {
            let label = number.label();
            label.is_some_and(|label| released_at(api.cx().mark(), label).is_some())
        };
        let held = || numbers.iter().filter(|number| number.is_held());
        let kept = u32::try_from(held().filter(|number| is_kept(number)).count());
        metrics::gauge!("agent_pool_kept_resources", "provider" => Self::ID)
            .set(kept.unwrap_or(u32::MAX));
        let resource = |one: &Number| {
            let resource = VendorResource::new(&one.phone_number, one.label()?);
            Some(resource.created_at(one.created_at.clone()))
        };
        Ok(held().filter_map(resource).collect())
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

    /// A number that is not listed may exist, because lists may lag. A number that another instance has by now is
    /// kept.
    async fn delete(&self, api: Api<'_>, label: &str, number: &str) -> ProviderResult<()> {
        let request = api.get(["phone_numbers"]);
        // The filter finds nothing if the number has a `+`.
        let request = request.query("filter[phone_number]", number.trim_start_matches('+'));
        let similar: Vec<Number> = fetch_all(request).await?;
        let mark = api.cx().mark();
        let is_anothers = |other: &str| {
            other != label && (mark.instance(other).is_some() || released_at(mark, other).is_some())
        };
        let id = match similar.iter().find(|one| one.phone_number == number) {
            Some(one) if !one.is_held() || one.label().is_some_and(is_anothers) => return Ok(()),
            Some(one) if self.keep(api, &one.id).await? => return Ok(()),
            listed => listed.map_or(number, |one| &one.id),
        };
        self.leave_campaign(api, number).await?;
        api.delete(["phone_numbers", id]).execute().await.map(drop)
    }
}

/// The member of the metadata that says whether the number can text.
const CAMPAIGN_STATE: &str = "campaign";

impl Telnyx {
    async fn create_number(
        &self,
        api: Api<'_>,
        label: &str,
        options: NumberOptions,
    ) -> ProviderResult<ProvisionedTool> {
        let purchase = Purchase {
            settings: self,
            api,
            label,
            area_code: options.area_code,
        };
        let (profile, start) = join(self.profile(api), purchase.start()).await;
        let profile = profile?;
        let number = purchase.finish(start?, &profile).await?;
        self.assign_profile(api, &number.id, &profile).await?;
        // After the profile: the vendor requires it.
        let campaign = self.assign_campaign(api, &number.phone_number).await?;
        let values = [number.phone_number.clone(), profile].map(Secret::new);
        let env = Self::ENV_KEYS.iter().copied().zip(values);
        let tool = ProvisionedTool::new(&number.phone_number, env)?;
        Ok(
            match campaign.or_else(|| Some(self.texting_notice()?.into())) {
                Some(state) => tool.with(CAMPAIGN_STATE, state),
                None => tool,
            },
        )
    }
}
