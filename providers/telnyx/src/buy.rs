use agent_pool_core::prelude::*;
use rand::seq::IteratorRandom;

use crate::{Number, Telnyx};

/// What a caller may ask of a number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Area {
    area_code: Option<String>,
}

/// The number of one instance, as it is bought: its orders and itself bear the label as their reference.
pub(crate) struct Wanted<'a> {
    pub(crate) tool: &'a Telnyx,
    pub(crate) label: &'a str,
    pub(crate) profile: &'a str,
    pub(crate) area: Area,
}

#[async_trait]
impl Purchase for Wanted<'_> {
    type Thing = Number;

    async fn held(&self, api: Api<'_>) -> Answer<Option<Number>> {
        let mut numbers: Vec<Number> = labelled(api, "phone_numbers", self.label).await?;
        numbers.retain(|number| number.customer_reference.as_deref() == Some(self.label));
        Ok(numbers.into_iter().find(Number::is_held))
    }

    async fn orders(&self, api: Api<'_>) -> Answer<Vec<Ordered>> {
        let mut orders: Vec<Order> = labelled(api, "number_orders", self.label).await?;
        orders.retain(|order| order.customer_reference.as_deref() == Some(self.label));
        Ok(orders.into_iter().map(|order| order.ordered).collect())
    }

    /// At random: a search has the same answer for every buyer.
    async fn offer(&self, api: Api<'_>, tried: &[String]) -> Answer<String> {
        let request = api.get(["available_phone_numbers"]);
        let request = request.query("filter[country_code]", self.tool.country_code);
        let request = request.query("filter[features][]", "sms");
        let request = request.query("filter[limit]", 20);
        let request = request.query_each("filter[national_destination_code]", &self.area.area_code);
        let mut offers: Vec<Value> = request.data().await?;
        offers.retain(|offer| suits(offer, self.tool));
        let numbers = offers
            .iter()
            .filter_map(|offer| offer["phone_number"].as_str());
        let fresh = numbers.filter(|number| !tried.iter().any(|one| one == number));
        let chosen = fresh.choose(&mut rand::rng()).map(str::to_owned);
        let problem = "there is no number that can send texts within the price cap";
        chosen.ok_or_else(|| ErrorKind::Conflict.because(problem))
    }

    async fn order(&self, api: Api<'_>, number: &str) -> Answer<String> {
        let order = json!({
            "phone_numbers": [{ "phone_number": number }],
            "messaging_profile_id": self.profile,
            "customer_reference": self.label,
        });
        let request = api.post(["number_orders"]).json(&order);
        request.data().await.map(|order: Ordered| order.id)
    }

    /// An order that waits for papers is cancelled: nobody will bring them.
    async fn progress(&self, api: Api<'_>, id: &str) -> Answer<Progress> {
        let order: Order = api.get(["number_orders", id]).data().await?;
        let status = order.ordered.status;
        if status != Progress::Pending || order.requirements_met != Some(false) {
            return Ok(status);
        }
        for part in &order.sub_number_orders_ids {
            let request = api.patch(["sub_number_orders", part, "cancel"]);
            request.done().await?;
        }
        let country = self.tool.country_code;
        let problem = format!("numbers in {country} need papers that this account has not filed");
        Err(ErrorKind::Forbidden.because(problem))
    }
}

/// What of a list bears the label, by the vendor's filter.
async fn labelled<T: DeserializeOwned>(api: Api<'_>, list: &str, label: &str) -> Answer<Vec<T>> {
    let request = api.get([list]).query("filter[customer_reference]", label);
    request.numbered(250).await
}

/// Whether it can send texts and costs no more than is allowed. A price that is not told is too high.
fn suits(offer: &Value, caps: &Telnyx) -> bool {
    let within = |price: &str, cap: Amount| {
        let price = offer["cost_information"][price].as_str().map(str::parse);
        matches!(price, Some(Ok(price)) if cap.get() >= price)
    };
    let mut features = offer["features"].as_array().into_iter().flatten();
    features.any(|feature| feature["name"] == "sms")
        && within("upfront_cost", caps.max_upfront_cost)
        && within("monthly_cost", caps.max_monthly_cost)
}

#[derive(Debug, Deserialize)]
struct Order {
    #[serde(flatten)]
    ordered: Ordered,
    customer_reference: Option<String>,
    requirements_met: Option<bool>,
    #[serde(default)]
    sub_number_orders_ids: Vec<String>,
}
