//! From a reference to a number: found, on its way, or bought. Never two for one reference.

use agent_pool_core::prelude::*;
use rand::seq::IndexedRandom;

use crate::Telnyx;
use crate::wire::{Area, Number, Offer, Order, OrderStatus, every, late};

/// Numbers that are tried before another buyer wins for good.
const CANDIDATES: usize = 5;

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
        if let Some(order) = self.live_order(api, reference).await?
            && let Some(number) = self.outcome(api, order, reference).await?
        {
            return Ok(number);
        }
        let mut tried = Vec::new();
        while tried.len() < CANDIDATES {
            let candidate = self.candidate(api, area, &tried).await?;
            let order = json!({
                "phone_numbers": [{ "phone_number": candidate }],
                "messaging_profile_id": profile,
                "customer_reference": reference,
            });
            tried.push(candidate);
            if let Some(order) = self.order(api, &order, reference).await?
                && let Some(number) = self.outcome(api, order, reference).await?
            {
                return Ok(number);
            }
        }
        let problem = format!("{CANDIDATES} numbers in a row went to other buyers");
        Err(ProviderError::new(ErrorKind::Conflict, problem))
    }

    /// The order of this reference of which a number came, or may still come. One that is through, and is
    /// old enough for its number to be in the lists, is one whose number was released.
    async fn live_order(&self, api: Api<'_>, reference: &str) -> Answer<Option<Order>> {
        let filter = ("filter[customer_reference]", reference);
        let orders: Vec<Order> = every(api, "number_orders", filter).await?;
        Ok(orders.into_iter().find(|order| {
            let live = match order.status {
                OrderStatus::Pending => true,
                OrderStatus::Success => order.is_younger_than(self.settle_ms.duration()),
                OrderStatus::Failure => false,
            };
            live && order.customer_reference.as_deref() == Some(reference)
        }))
    }

    /// One suitable number at random: a search has the same answer for every buyer.
    async fn candidate(&self, api: Api<'_>, area: &Area, tried: &[String]) -> Answer<String> {
        let request = api.get(["available_phone_numbers"]);
        let request = request.query("filter[country_code]", self.country_code);
        let request = request
            .query("filter[features][]", "sms")
            .query("filter[limit]", 20);
        let request = request.query_each("filter[national_destination_code]", &area.area_code);
        let mut offers: Vec<Offer> = request.data().await?;
        offers.retain(|offer| offer.suits(self) && !tried.contains(&offer.phone_number));
        let chosen = offers
            .choose(&mut rand::rng())
            .map(|offer| offer.phone_number.clone());
        chosen.ok_or_else(|| {
            let problem = format!(
                "no number in {} that can send texts within the price cap",
                self.country_code
            );
            ProviderError::new(ErrorKind::Conflict, problem)
        })
    }

    /// Places one order, of which each buys. `None`: another buyer was faster. When the answer is lost, the
    /// order is looked up, never repeated.
    async fn order(&self, api: Api<'_>, order: &Value, reference: &str) -> Answer<Option<Order>> {
        match api.post(["number_orders"]).json(order).data().await {
            Err(error) if error.effect() == Effect::Unknown => {
                let look = || self.live_order(api, reference);
                let found = api.until(self.patience(), look).await;
                found.ok().flatten().map(Some).ok_or(error)
            }
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            result => result.map(Some),
        }
    }

    /// What came of an order: its number, or `None` where there will be none.
    async fn outcome(&self, api: Api<'_>, order: Order, reference: &str) -> Answer<Option<Number>> {
        let id = order.id.clone();
        let look = || async {
            Ok(Some(api.get(["number_orders", &id]).data::<Order>().await?)
                .filter(Order::is_settled))
        };
        let order = match order.is_settled() {
            true => order,
            false => api
                .until(self.patience(), look)
                .await?
                .ok_or_else(|| late("the order is still pending"))?,
        };
        match order.status {
            OrderStatus::Success => {
                let number = api.until(self.patience(), || held(api, reference)).await?;
                number
                    .map(Some)
                    .ok_or_else(|| late("the number is ordered and not listed yet"))
            }
            OrderStatus::Failure => Ok(None),
            OrderStatus::Pending => Err(self.cancel(api, &order).await?),
        }
    }

    /// Ends an order that waits for papers, and says so.
    async fn cancel(&self, api: Api<'_>, order: &Order) -> Answer<ProviderError> {
        for part in &order.sub_number_orders_ids {
            api.patch(["sub_number_orders", part, "cancel"])
                .done()
                .await?;
        }
        let problem = format!(
            "numbers in {} need papers that this account has not filed",
            self.country_code
        );
        Ok(ProviderError::new(ErrorKind::Forbidden, problem))
    }
}

async fn held(api: Api<'_>, reference: &str) -> Answer<Option<Number>> {
    let filter = ("filter[customer_reference]", reference);
    let numbers: Vec<Number> = every(api, "phone_numbers", filter).await?;
    let ours = |number: &Number| number.customer_reference.as_deref() == Some(reference);
    Ok(numbers
        .into_iter()
        .find(|number| number.is_held() && ours(number)))
}
