#![doc = include_str!("../README.md")]

mod buy;

use agent_pool_core::prelude::*;

use crate::buy::{Area, Wanted};

inventory::submit! { ToolRegistration::of::<Telnyx>(env!("CARGO_PKG_NAME")) }

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
    country_code: CountryCode,
    /// No number that costs more at once is bought; in the account's currency.
    #[serde(default = "settings::amount::<5>")]
    max_upfront_cost: Amount,
    /// No number that costs more each month is bought; in the account's currency.
    #[serde(default = "settings::amount::<5>")]
    max_monthly_cost: Amount,
    /// The pause between two looks at an order or a new number.
    #[serde(default = "settings::millis::<1_000>")]
    poll_ms: Millis,
    /// How long one call waits for an order and its number; later calls go on from there.
    #[serde(default = "settings::millis::<60_000>")]
    fulfilment_ms: Millis,
    /// How long a number that was ordered may be missing from lists before another one is bought.
    #[serde(default = "settings::millis::<600_000>")]
    settle_ms: Millis,
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
        let numbers: Vec<Number> = api.get(["phone_numbers"]).numbered(250).await?;
        let held = numbers.into_iter().filter(Number::is_held);
        let ours = |one: Number| Some((one.phone_number, one.customer_reference?, one.created_at));
        let found = held.filter_map(ours);
        let found = found.map(|(id, label, time)| Found::new(id, label).made_at(time));
        Ok(found.collect())
    }

    async fn create(&self, api: Api<'_>, label: &str, area: Area) -> Answer<ProvisionedTool> {
        let profile = self.profile(api).await?;
        let patience = Patience::new(self.poll_ms, self.fulfilment_ms);
        let wanted = Wanted {
            tool: self,
            profile: &profile,
            area,
        };
        let number = buy(&wanted, api, label, patience, self.settle_ms.duration()).await?;
        // The order's profile is but a wish.
        let path = ["phone_numbers", &number.id, "messaging"];
        let change = json!({ "messaging_profile_id": profile });
        api.confirmed(&path, &change, patience).await?;
        let values = [number.phone_number.clone(), profile].map(Secret::new);
        let env = Self::ENV_KEYS.iter().copied().zip(values);
        ProvisionedTool::new(&number.phone_number, env)
    }

    /// Not listed is no proof: lists may lag. What by now is another instance's stays.
    async fn delete(&self, api: Api<'_>, label: &str, number: &str) -> Answer<()> {
        let by = ["filter[phone_number]", number.trim_start_matches('+')];
        let like: Vec<Number> = every(api, "phone_numbers", by).await?;
        let theirs = |other: &str| other != label && api.cx().mark().instance(other).is_some();
        let id = match like.iter().find(|one| one.phone_number == number) {
            Some(one) if !one.is_held() || one.label().is_some_and(theirs) => return Ok(()),
            listed => listed.map_or(number, |one| &one.id),
        };
        api.delete(["phone_numbers", id]).done().await.map(drop)
    }
}

impl Telnyx {
    /// The messaging profile of every number: the configured one, or one of our name.
    async fn profile(&self, api: Api<'_>) -> Answer<String> {
        let given = self.messaging_profile_id.as_deref();
        let path = "messaging_profiles";
        let name = api.cx().mark().prefix().trim_end_matches('-');
        let new = json!({ "name": name, "whitelisted_destinations": [self.country_code] });
        let list = || every(api, path, ["filter[name][eq]", name]);
        let make = api.post([path]).json(&new).data();
        let remove = |id: String| async move { api.delete([path, &id]).done().await };
        Shared::named(given, name, list, make, remove).await
    }
}

/// Every item of a list that fits the filter.
async fn every<T: DeserializeOwned>(api: Api<'_>, list: &str, by: [&str; 2]) -> Answer<Vec<T>> {
    api.get([list]).query(by[0], by[1]).numbered(250).await
}

/// A number that is the account's, as little of it as we use.
#[derive(Debug, Deserialize)]
struct Number {
    id: String,
    phone_number: String,
    customer_reference: Option<String>,
    created_at: Option<String>,
    status: String,
}

impl Number {
    /// Whether it is, or will be, the account's; lists may hold numbers of the past.
    fn is_held(&self) -> bool {
        let past = ["deleted", "purchase-failed", "port-failed", "ported-out"];
        !past.contains(&self.status.as_str())
    }

    fn label(&self) -> Option<&str> {
        self.customer_reference.as_deref()
    }
}

/// A code is a string of digits: <https://developers.telnyx.com/docs/overview/errors> (seen August 2026).
const FAULTS: FaultTable = FaultTable {
    code: "/errors/0/code",
    words: &["/errors"],
    kinds: &[
        (ErrorKind::Unauthorized, "20002 20006 20008"),
        (ErrorKind::Forbidden, "20012 20013 20014 20016 20017"),
        (ErrorKind::Forbidden, "20100 10038 10039"),
        // 85…: another number is to be taken; this one was not searched for, is gone, is reserved.
        (ErrorKind::Conflict, "85000 85001 85006 10012 10021 10036"),
        (ErrorKind::Unavailable, "10007 10008"),
    ],
    passing: "10036",
};
