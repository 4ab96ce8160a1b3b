use agent_pool_core::prelude::*;
use agent_pool_core::settings::CountryCode;

use crate::wire::{self, Area, Messaging, Number, every};

/// Gives each instance a phone number.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Telnyx {
    /// The account's key.
    api_key: Secret,
    /// Where the API is.
    #[serde(default = "api_url")]
    api_url: Url,
    /// The messaging profile of every number. Not set: the one named `ap-<environment>`, made when missing.
    pub(crate) messaging_profile_id: Option<String>,
    /// Where numbers are bought, and where a profile that is made may send to.
    #[serde(default = "country_code")]
    pub(crate) country_code: CountryCode,
    /// No number that costs more at once is bought; in the account's currency.
    #[serde(default = "max_cost")]
    pub(crate) max_upfront_cost: Amount,
    /// No number that costs more each month is bought; in the account's currency.
    #[serde(default = "max_cost")]
    pub(crate) max_monthly_cost: Amount,
    /// The pause between two looks at an order or a new number.
    #[serde(default = "poll")]
    poll_ms: Millis,
    /// How long one call waits for an order and its number; later calls go on from there.
    #[serde(default = "fulfilment")]
    fulfilment_ms: Millis,
    /// How long an ordered number may be missing from lists and still counts as on its way. Too short,
    /// and a second number may be bought.
    #[serde(default = "settle")]
    pub(crate) settle_ms: Millis,
}

fn api_url() -> Url {
    settings::url("https://api.telnyx.com/v2")
}

fn country_code() -> CountryCode {
    CountryCode::US
}

fn max_cost() -> Amount {
    Amount::whole(5)
}

const fn poll() -> Millis {
    Millis::from_millis(1_000)
}

const fn fulfilment() -> Millis {
    Millis::from_millis(60_000)
}

const fn settle() -> Millis {
    Millis::from_millis(600_000)
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
        let http = VendorHttp::new(self.api_url.clone()).faults(wire::fault);
        http.bearer(&self.api_key, "TELNYX_API_KEY")
    }

    async fn list(&self, api: Api<'_>) -> Answer<Vec<Found>> {
        let numbers: Vec<Number> = every(api, "phone_numbers", ("sort", "phone_number")).await?;
        let held = numbers.iter().filter(|number| number.is_held());
        let found = held.flat_map(|number| {
            let found =
                |label| Found::new(&number.phone_number, label).made_at(number.created_at.clone());
            number.labels().map(found)
        });
        Ok(found.collect())
    }

    async fn create(&self, api: Api<'_>, label: &str, area: Area) -> Answer<ProvisionedTool> {
        let profile = self.profile(api).await?;
        let number = self.number(api, label, &profile, &area).await?;
        self.assign(api, &number.id, &profile).await?;
        if !number.tags.iter().any(|tag| tag == label) {
            let request = api.patch(["phone_numbers", &number.id]);
            request.json(&json!({ "tags": [label] })).done().await?;
        }
        let values = [
            Secret::new(number.phone_number.as_str()),
            Secret::new(profile),
        ];
        ProvisionedTool::new(
            &number.phone_number,
            Self::ENV_KEYS.iter().copied().zip(values),
        )
    }

    /// Not in the list is no proof: lists may lag, and what is forgotten is billed for ever. What by now is
    /// another instance's stays.
    async fn delete(&self, api: Api<'_>, label: &str, number: &str) -> Answer<()> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        // The vendor wants three digits at least; with fewer there is no such number.
        let like: Vec<Number> = if digits.len() < 3 {
            Vec::new()
        } else {
            every(api, "phone_numbers", ("filter[phone_number]", &digits)).await?
        };
        let listed = like.iter().find(|one| one.phone_number == number);
        let ours = |other: &str| other != label && api.cx().mark().instance(other).is_some();
        match listed {
            Some(one) if !one.is_held() || one.labels().any(ours) => Ok(()),
            Some(Number { id, .. }) => api.delete(["phone_numbers", id]).done().await.map(drop),
            None => api.delete(["phone_numbers", number]).done().await.map(drop),
        }
    }

    async fn verify(&self, api: Api<'_>) -> Answer<()> {
        api.get(["balance"]).done().await.map(drop)
    }
}

impl Telnyx {
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            pause: self.poll_ms.duration(),
            limit: self.fulfilment_ms.duration(),
        }
    }

    /// Assigns the profile by the one call that really does, which knows a new number late, and reads it back.
    async fn assign(&self, api: Api<'_>, id: &str, profile: &str) -> Answer<()> {
        let change = json!({ "messaging_profile_id": profile });
        let known = api.until(self.patience(), || async {
            match api
                .patch(["phone_numbers", id, "messaging"])
                .json(&change)
                .done()
                .await
            {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                result => result.map(Some),
            }
        });
        if known.await?.is_some() {
            let now: Messaging = api.get(["phone_numbers", id, "messaging"]).data().await?;
            if now.messaging_profile_id.as_deref() == Some(profile) {
                return Ok(());
            }
        }
        Err(wire::late(
            "the number does not take its messaging profile yet",
        ))
    }
}
