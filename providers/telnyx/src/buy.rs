//! The number of one instance: found, on its way, or bought.

use agent_pool_core::prelude::*;

use crate::{Number, Telnyx, every};

const REFERENCE: &str = "filter[customer_reference]";

/// What a caller may ask of a number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Area {
    area_code: Option<String>,
}

/// How the number is to be.
pub(crate) struct Wanted<'a> {
    pub(crate) tool: &'a Telnyx,
    pub(crate) profile: &'a str,
    pub(crate) area: Area,
}

#[async_trait]
impl Purchase for Wanted<'_> {
    type Thing = Number;

    const NOTHING_SUITS: &'static str =
        "there is no number that can send texts within the price cap";

    async fn held(&self, api: Api<'_>, label: &str) -> Answer<Option<Number>> {
        let numbers: Vec<Number> = every(api, "phone_numbers", [REFERENCE, label]).await?;
        let ours = |one: &Number| one.is_held() && one.label() == Some(label);
        Ok(numbers.into_iter().find(ours))
    }

    async fn orders(&self, api: Api<'_>, label: &str) -> Answer<Vec<Ordered>> {
        let mut orders: Vec<Order> = every(api, "number_orders", [REFERENCE, label]).await?;
        orders.retain(|order| order.customer_reference.as_deref() == Some(label));
        Ok(orders.into_iter().map(|order| order.ordered).collect())
    }

    async fn offers(&self, api: Api<'_>) -> Answer<Vec<String>> {
        let request = api.get(["available_phone_numbers"]);
        let request = request.query("filter[country_code]", self.tool.country_code);
        let request = request.query("filter[features][]", "sms");
        let request = request.query("filter[limit]", 20);
        let request = request.query_each("filter[national_destination_code]", &self.area.area_code);
        let offers: Vec<Value> = request.data().await?;
        let offers = offers.iter().filter(|offer| suits(offer, self.tool));
        let numbers = offers.filter_map(|offer| offer["phone_number"].as_str());
        Ok(numbers.map(str::to_owned).collect())
    }

    async fn order(&self, api: Api<'_>, label: &str, number: &str) -> Answer<String> {
        let order = json!({
            "phone_numbers": [{ "phone_number": number }],
            "messaging_profile_id": self.profile,
            "customer_reference": label,
        });
        let request = api.post(["number_orders"]).json(&order);
        request.data().await.map(|order: Ordered| order.id)
    }

    /// An order that waits for papers is cancelled: nobody will bring them.
    async fn progress(&self, api: Api<'_>, id: &str) -> Answer<Progress> {
        let order: Order = api.get(["number_orders", id]).data().await?;
        if order.ordered.status != Progress::Pending || order.requirements_met != Some(false) {
            return Ok(order.ordered.status);
        }
        for part in &order.sub_number_orders_ids {
            let request = api.patch(["sub_number_orders", part, "cancel"]);
            request.done().await?;
        }
        let problem = "numbers in TELNYX_COUNTRY_CODE need papers that this account has not filed";
        Err(ErrorKind::Forbidden.because(problem))
    }
}

/// Whether it can send texts and costs no more than is allowed.
fn suits(offer: &Value, caps: &Telnyx) -> bool {
    let price = &offer["cost_information"];
    let mut features = offer["features"].as_array().into_iter().flatten();
    features.any(|feature| feature["name"] == "sms")
        && caps.max_upfront_cost.covers(&price["upfront_cost"])
        && caps.max_monthly_cost.covers(&price["monthly_cost"])
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
