//! From a reference to a number: found, on its way, or bought. Never two for one reference.

use agent_pool_core::prelude::*;
use rand::seq::IndexedRandom;

use crate::Telnyx;
use crate::wire::{Area, Number, Order, OrderStatus, every};

/// Numbers that are tried before another buyer wins for good.
const CANDIDATES: usize = 5;
const BY_REFERENCE: &str = "filter[customer_reference]";

impl Telnyx {
    /// The number of this reference: the one that is there, or one that is ordered now.
    pub(crate) async fn number(
        &self,
        api: Api<'_>,
        reference: &str,
        profile: &str,
        area: &Area,
    ) -> Answer<Number> {
        if let Some(number) = held(api, reference).await? {
            return Ok(number);
        }
        let (mut order, mut tried) = (self.live_order(api, reference).await?, Vec::new());
        while tried.len() < CANDIDATES {
            if order.is_none() {
                let number = self.candidate(api, area, &tried).await?;
                order = self.order(api, reference, profile, &number).await?;
                tried.push(number);
            }
            if let Some(id) = order.take()
                && self.goes_through(api, &id).await?
            {
                let (late, look) = ("the number is ordered and not listed yet", || {
                    held(api, reference)
                });
                return api.until(self.patience(), late, look).await;
            }
        }
        let problem = format!("{CANDIDATES} numbers in a row went to other buyers");
        Err(ErrorKind::Conflict.because(problem))
    }

    /// The order of this reference of which a number came, or may still come. One that is through, and is
    /// old enough for its number to be in the lists, is one whose number was released.
    async fn live_order(&self, api: Api<'_>, reference: &str) -> Answer<Option<String>> {
        let mut orders: Vec<Order> = every(api, "number_orders", BY_REFERENCE, reference).await?;
        orders.retain(|order| order.customer_reference.as_deref() == Some(reference));
        let settled = self.settle_ms.duration();
        let live = orders.into_iter().find(|order| match order.status {
            OrderStatus::Pending => true,
            OrderStatus::Success => {
                age(order.created_at.as_deref()).is_none_or(|age| age < settled)
            }
            OrderStatus::Failure => false,
        });
        Ok(live.map(|order| order.id))
    }

    /// One suitable number at random: a search has the same answer for every buyer.
    async fn candidate(&self, api: Api<'_>, area: &Area, tried: &[String]) -> Answer<String> {
        let country = self.country_code;
        let request = api
            .get(["available_phone_numbers"])
            .query("filter[limit]", 20);
        let request = request
            .query("filter[country_code]", country)
            .query("filter[features][]", "sms");
        let request = request.query_each("filter[national_destination_code]", &area.area_code);
        let offers: Vec<Value> = request.data().await?;
        let suitable = offers.iter().filter(|offer| self.suits(offer));
        let numbers = suitable.filter_map(|offer| Some(offer["phone_number"].as_str()?.to_owned()));
        let fresh: Vec<String> = numbers.filter(|number| !tried.contains(number)).collect();
        let problem = format!("no number in {country} that can send texts within the price cap");
        let chosen = fresh.choose(&mut rand::rng()).cloned();
        chosen.ok_or_else(|| ErrorKind::Conflict.because(problem))
    }

    /// Whether it can send texts and costs no more than is allowed. A price that is not told is too high.
    fn suits(&self, offer: &Value) -> bool {
        let within = |price: &str, cap: Amount| {
            let price = offer["cost_information"][price].as_str().map(str::parse);
            matches!(price, Some(Ok(price)) if cap.get() >= price)
        };
        let mut features = offer["features"].as_array().into_iter().flatten();
        features.any(|feature| feature["name"] == "sms")
            && within("upfront_cost", self.max_upfront_cost)
            && within("monthly_cost", self.max_monthly_cost)
    }

    /// Places one order, of which each buys. `None`: another buyer was faster. When the answer is lost, the
    /// order is looked up, never repeated.
    async fn order(
        &self,
        api: Api<'_>,
        reference: &str,
        profile: &str,
        number: &str,
    ) -> Answer<Option<String>> {
        let order = json!({
            "phone_numbers": [{ "phone_number": number }],
            "messaging_profile_id": profile,
            "customer_reference": reference,
        });
        match api
            .post(["number_orders"])
            .json(&order)
            .data::<Order>()
            .await
        {
            Err(error) if error.effect() == Effect::Unknown => {
                let look = || self.live_order(api, reference);
                let found = api
                    .until(self.patience(), "the order is not listed", look)
                    .await;
                found.map(Some).map_err(|_| error)
            }
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            placed => Ok(Some(placed?.id)),
        }
    }

    /// Whether a number comes of the order, once the vendor knows. One that waits for papers is cancelled.
    async fn goes_through(&self, api: Api<'_>, id: &str) -> Answer<bool> {
        let look = || async {
            let order: Order = api.get(["number_orders", id]).data().await?;
            let settled =
                order.status != OrderStatus::Pending || order.requirements_met == Some(false);
            Ok(settled.then_some(order))
        };
        let order = api
            .until(self.patience(), "the order is still pending", look)
            .await?;
        if order.status != OrderStatus::Pending {
            return Ok(order.status == OrderStatus::Success);
        }
        for part in &order.sub_number_orders_ids {
            api.patch(["sub_number_orders", part, "cancel"])
                .done()
                .await?;
        }
        let problem = format!(
            "numbers in {} need papers that this account has not filed",
            self.country_code
        );
        Err(ErrorKind::Forbidden.because(problem))
    }
}

/// The number of this reference, where it is the account's and in the lists.
async fn held(api: Api<'_>, reference: &str) -> Answer<Option<Number>> {
    let mut numbers: Vec<Number> = every(api, "phone_numbers", BY_REFERENCE, reference).await?;
    numbers.retain(|number| number.customer_reference.as_deref() == Some(reference));
    Ok(numbers.into_iter().find(Number::is_held))
}
