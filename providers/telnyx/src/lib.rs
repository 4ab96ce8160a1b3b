#![doc = include_str!("../README.md")]

mod wire;

use agent_pool_core::prelude::*;
use rand::seq::IteratorRandom;

use crate::wire::{Area, FAULTS, Number, Offer, Order, OrderStatus, every};

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
    /// How long an ordered number may be missing from lists and still counts as on its way. Too short,
    /// and a second number may be bought.
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
        let numbers: Vec<Number> = every(api, "phone_numbers", "sort", "phone_number").await?;
        let held = numbers.iter().filter(|number| number.is_held());
        Ok(held.flat_map(Number::found).collect())
    }

    async fn create(&self, api: Api<'_>, label: &str, area: Area) -> Answer<ProvisionedTool> {
        let profile = self.profile(api).await?;
        let order = json!({ "messaging_profile_id": profile, "customer_reference": label });
        let number = self.number(api, label, order, area).await?;
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
        let like: Vec<Number> = match digits.len() {
            0..3 => Vec::new(), // what is no number; the vendor wants three digits at least
            _ => every(api, "phone_numbers", "filter[phone_number]", &digits).await?,
        };
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

/// What finds numbers and orders by the label.
const BY_REFERENCE: &str = "filter[customer_reference]";

impl Telnyx {
    /// Numbers that are tried before another buyer wins for good.
    const CANDIDATES: usize = 5;

    /// The messaging profile of every number: the configured one, or one of our name.
    async fn profile(&self, api: Api<'_>) -> Answer<String> {
        if let Some(id) = &self.messaging_profile_id {
            return Ok(id.clone());
        }
        let (path, name) = (
            "messaging_profiles",
            api.cx().mark().prefix().trim_end_matches('-'),
        );
        let new = json!({ "name": name, "whitelisted_destinations": [self.country_code] });
        let list = || every(api, path, "filter[name][eq]", name);
        let make = api.post([path]).json(&new).data();
        let remove = |id: String| async move { api.delete([path, &id]).done().await };
        Shared::named(name, list, make, remove).await
    }

    /// The number that bears the label: the one that is there, or one that is ordered now. Never two.
    async fn number(
        &self,
        api: Api<'_>,
        label: &str,
        mut new: Value,
        area: Area,
    ) -> Answer<Number> {
        if let Some(number) = held(api, label).await? {
            return Ok(number);
        }
        let (mut order, mut tried) = (self.live_order(api, label).await?, Vec::new());
        while tried.len() < Self::CANDIDATES {
            if order.is_none() {
                let number = self.candidate(api, &area, &tried).await?;
                new["phone_numbers"] = json!([{ "phone_number": number }]);
                order = self.order(api, label, &new).await?;
                tried.push(number);
            }
            if let Some(order) = order.take()
                && self.goes_through(api, &order.id).await?
            {
                let late = "the number is ordered and not listed yet";
                return api.until(self.patience(), late, || held(api, label)).await;
            }
        }
        let problem = format!("{} numbers in a row went to other buyers", tried.len());
        Err(ErrorKind::Conflict.because(problem))
    }

    /// The order of this label of which a number came, or may still come.
    async fn live_order(&self, api: Api<'_>, label: &str) -> Answer<Option<Order>> {
        let orders: Vec<Order> = every(api, "number_orders", BY_REFERENCE, label).await?;
        let mut orders = orders
            .into_iter()
            .filter(|order| order.customer_reference.as_deref() == Some(label));
        Ok(orders.find(|order| order.is_live(self.settle_ms.duration())))
    }

    /// One suitable number at random: a search has the same answer for every buyer.
    async fn candidate(&self, api: Api<'_>, area: &Area, tried: &[String]) -> Answer<String> {
        let request = api.get(["available_phone_numbers"]);
        let request = request.query("filter[country_code]", self.country_code);
        let request = request.query("filter[features][]", "sms");
        let request = request.query("filter[limit]", 20);
        let request = request.query_each("filter[national_destination_code]", &area.area_code);
        let offers: Vec<Offer> = request.data().await?;
        let numbers = offers
            .into_iter()
            .filter(|offer| offer.suits(self))
            .map(|offer| offer.phone_number);
        let chosen = numbers
            .filter(|number| !tried.contains(number))
            .choose(&mut rand::rng());
        let problem = "no number in the country that can send texts within the price cap";
        chosen.ok_or_else(|| ErrorKind::Conflict.because(problem))
    }

    /// Places one order, of which each buys. `None`: another buyer was faster.
    async fn order(&self, api: Api<'_>, label: &str, new: &Value) -> Answer<Option<Order>> {
        let place = api.post(["number_orders"]).json(new).data();
        let look = || self.live_order(api, label);
        match api.once(self.patience(), place, look).await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            placed => placed.map(Some),
        }
    }

    /// Whether a number comes of the order, once the vendor knows. One that waits for papers is cancelled.
    async fn goes_through(&self, api: Api<'_>, id: &str) -> Answer<bool> {
        let look = || async {
            let order: Order = api.get(["number_orders", id]).data().await?;
            Ok(Some(order).filter(Order::is_settled))
        };
        let late = "the order is still pending";
        let order = api.until(self.patience(), late, look).await?;
        if order.status != OrderStatus::Pending {
            return Ok(order.status == OrderStatus::Success);
        }
        for part in &order.sub_number_orders_ids {
            let request = api.patch(["sub_number_orders", part, "cancel"]);
            request.done().await?;
        }
        let country = self.country_code;
        let problem = format!("numbers in {country} need papers that this account has not filed");
        Err(ErrorKind::Forbidden.because(problem))
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

    fn patience(&self) -> Patience {
        Patience::new(self.poll_ms, self.fulfilment_ms)
    }
}

/// The number that bears the label, where it is the account's and in the lists.
async fn held(api: Api<'_>, label: &str) -> Answer<Option<Number>> {
    let numbers: Vec<Number> = every(api, "phone_numbers", BY_REFERENCE, label).await?;
    let mut ours = numbers
        .into_iter()
        .filter(|number| number.customer_reference.as_deref() == Some(label));
    Ok(ours.find(Number::is_held))
}
