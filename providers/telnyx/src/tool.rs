use agent_pool_core::prelude::*;

use crate::wire::{Area, FAULTS, Number, Profile, every};

/// Gives each instance a phone number.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Telnyx {
    /// The account's key.
    api_key: Secret,
    /// Where the API is.
    #[serde(default = "api_url")]
    api_url: Url,
    /// The messaging profile of every number. Not set: the one named `ap-<environment>`, made when missing.
    messaging_profile_id: Option<String>,
    /// Where numbers are bought, and where a profile that is made may send to.
    #[serde(default = "CountryCode::us")]
    pub(crate) country_code: CountryCode,
    /// No number that costs more at once is bought; in the account's currency.
    #[serde(default = "settings::amount::<5>")]
    pub(crate) max_upfront_cost: Amount,
    /// No number that costs more each month is bought; in the account's currency.
    #[serde(default = "settings::amount::<5>")]
    pub(crate) max_monthly_cost: Amount,
    /// The pause between two looks at an order or a new number.
    #[serde(default = "settings::millis::<1_000>")]
    pub(crate) poll_ms: Millis,
    /// How long one call waits for an order and its number; later calls go on from there.
    #[serde(default = "settings::millis::<60_000>")]
    pub(crate) fulfilment_ms: Millis,
    /// How long an ordered number may be missing from lists and still counts as on its way. Too short,
    /// and a second number may be bought.
    #[serde(default = "settings::millis::<600_000>")]
    pub(crate) settle_ms: Millis,
}

fn api_url() -> Url {
    settings::url("https://api.telnyx.com/v2")
}

#[async_trait]
impl HttpTool for Telnyx {
    const ID: &str = "telnyx";
    const NAME: &str = "Telnyx";
    const MODE: &str = "per-instance-phone";
    const ENV_KEYS: &[&str] = &["TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"];
    const ON_REPEAT: OnRepeat = OnRepeat::Adopt;
    type Options = Area;

    fn vendor(&self) -> Result<VendorHttp, SettingsError> {
        let http = VendorHttp::new(self.api_url.clone()).fault_table(&FAULTS);
        http.bearer(&self.api_key, "TELNYX_API_KEY")
    }

    async fn list(&self, api: Api<'_>) -> Answer<Vec<Found>> {
        let numbers: Vec<Number> = every(api, "phone_numbers", "sort", "phone_number").await?;
        let held = numbers.iter().filter(|number| number.is_held());
        Ok(held.flat_map(Number::found).collect())
    }

    async fn create(&self, api: Api<'_>, label: &str, area: Area) -> Answer<ProvisionedTool> {
        let profile = self.profile(api).await?;
        let number = self.number(api, label, &profile, &area).await?;
        self.assign(api, &number.id, &profile).await?;
        if !number.tags.iter().any(|tag| tag == label) {
            let request = api.patch(["phone_numbers", &number.id]);
            request.json(&json!({ "tags": [label] })).done().await?;
        }
        let values = [number.phone_number.clone(), profile].map(Secret::new);
        let env = Self::ENV_KEYS.iter().copied().zip(values);
        ProvisionedTool::new(&number.phone_number, env)
    }

    /// Not in the list is no proof: lists may lag, and what is forgotten is billed for ever. What by now is
    /// another instance's stays.
    async fn delete(&self, api: Api<'_>, label: &str, number: &str) -> Answer<()> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        let mut like = Vec::new();
        // The vendor wants three digits at least; with fewer there is no such number.
        if digits.len() >= 3 {
            like = every::<Number>(api, "phone_numbers", "filter[phone_number]", &digits).await?;
        }
        let theirs = |other: &str| other != label && api.cx().mark().instance(other).is_some();
        let id = match like.iter().find(|one| one.phone_number == number) {
            Some(one) if !one.is_held() || one.labels().any(theirs) => return Ok(()),
            listed => listed.map_or(number, |one| &one.id),
        };
        api.delete(["phone_numbers", id]).done().await.map(drop)
    }

    async fn verify(&self, api: Api<'_>) -> Answer<()> {
        api.get(["balance"]).done().await.map(drop)
    }
}

impl Telnyx {
    /// The messaging profile: the configured one, or one of our name. Never is another's taken.
    async fn profile(&self, api: Api<'_>) -> Answer<String> {
        if let Some(id) = &self.messaging_profile_id {
            return Ok(id.clone());
        }
        let name = api.cx().mark().prefix().trim_end_matches('-');
        if let Some(oldest) = oldest_profile(api, name).await? {
            return Ok(oldest);
        }
        let profile = json!({ "name": name, "whitelisted_destinations": [self.country_code] });
        let request = api.post(["messaging_profiles"]).json(&profile);
        let Profile { id, .. } = request.data().await?;
        // Names are not unique: of two that were made at once the older one stays.
        match oldest_profile(api, name).await? {
            Some(oldest) if oldest != id => {
                let twin = api.delete(["messaging_profiles", &id]).done().await;
                absent_is_done(twin.map(drop)).map(|()| oldest)
            }
            Some(_) | None => Ok(id),
        }
    }

    /// Assigns the profile by the one call that really does, which knows a new number late, and reads it back.
    async fn assign(&self, api: Api<'_>, id: &str, profile: &str) -> Answer<()> {
        let path = ["phone_numbers", id, "messaging"];
        let change = json!({ "messaging_profile_id": profile });
        let look = || async {
            api.patch(path).json(&change).done().await?;
            let now: Value = api.get(path).data().await?;
            Ok((now["messaging_profile_id"] == profile).then_some(()))
        };
        let late = "the number does not take its messaging profile yet";
        api.until(self.patience(), late, look).await
    }

    pub(crate) fn patience(&self) -> Patience {
        Patience::new(self.poll_ms, self.fulfilment_ms)
    }
}

/// The oldest messaging profile of this name.
async fn oldest_profile(api: Api<'_>, name: &str) -> Answer<Option<String>> {
    let like: Vec<Profile> = every(api, "messaging_profiles", "filter[name][eq]", name).await?;
    let named = like.into_iter().filter(|profile| profile.name == name);
    let oldest = named.min_by_key(|profile| (profile.created_at.clone(), profile.id.clone()));
    Ok(oldest.map(|profile| profile.id))
}
