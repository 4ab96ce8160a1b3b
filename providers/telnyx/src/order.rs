//! The number of one instance: found, on order, or bought.
//!
//! An order has no idempotency key, so a lost answer must never lead to a second order: orders with our label are
//! looked up first.

use std::sync::atomic::{AtomicBool, Ordering};

use agent_pool_core::Attempt;
use agent_pool_core::prelude::*;

use crate::settings::Telnyx;
use crate::shared::ChosenNumber;
use crate::wire::fetch_all;
use crate::wire::{BY_REFERENCE, NewOrder, NewOrderLine, Number, Offer, Order, OrderStatus};

/// Maximum number of numbers to try if other buyers are faster.
const ATTEMPTS: usize = 5;

/// The purchase of one number.
pub(crate) struct Purchase<'a> {
    pub(crate) settings: &'a Telnyx,
    pub(crate) api: Api<'a>,
    pub(crate) label: &'a str,
    pub(crate) area_code: Option<String>,
}

/// The starting point of a purchase.
pub(crate) enum Start<'a> {
    /// The number exists, or was kept for the next instance.
    Held(Number),
    /// An earlier attempt ordered it.
    Ordered(Order),
    /// This number is on offer.
    Offered(ChosenNumber<'a>),
}

impl<'a> Purchase<'a> {
    /// Looks for the number with the label, or for one to order. This needs no messaging profile.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if no suitable number is on offer.
    pub(crate) async fn start(&self) -> ProviderResult<Start<'a>> {
        if self.api.cx().attempt() == Attempt::Later {
            if let Some(number) = self.held().await? {
                return Ok(Start::Held(number));
            }
            if let Some(order) = self.live_order().await? {
                return Ok(Start::Ordered(order));
            }
        }
        let (api, area_code) = (self.api, self.area_code.as_deref());
        if let Some(number) = self.settings.take_kept(api, self.label, area_code).await? {
            return Ok(Start::Held(number));
        }
        self.settings.check_campaign_room(api).await?;
        self.choose(&[]).await.map(Start::Offered)
    }

    /// The number with the label, ordered with this profile unless it exists.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if an order takes too long; a later call continues from there.
    /// [`ErrorKind::Conflict`] if other buyers are always faster.
    pub(crate) async fn finish(&self, start: Start<'_>, profile: &str) -> ProviderResult<Number> {
        let (mut live, mut offered) = match start {
            Start::Held(number) => return Ok(number),
            Start::Ordered(order) => (Some(order), None),
            Start::Offered(number) => (None, Some(number)),
        };
        let mut tried = Vec::new();
        while tried.len() < ATTEMPTS {
            let order = match live.take() {
                Some(order) => Some(order),
                None => {
                    let number = match offered.take() {
                        Some(number) => number,
                        None => self.choose(&tried).await?,
                    };
                    let order = self.order(&number, profile).await?;
                    tried.push(number);
                    order
                }
            };
            let Some(order) = order else { continue };
            if self.final_status(order).await? == OrderStatus::Success {
                let late = "the number is ordered and not listed yet";
                let polling = self.settings.polling();
                return self.api.poll(polling, late, || self.held()).await;
            }
        }
        let problem = format!("{ATTEMPTS} numbers in a row went to other buyers");
        Err(ErrorKind::Conflict.because(problem))
    }

    async fn held(&self) -> ProviderResult<Option<Number>> {
        let request = self.api.get(["phone_numbers"]);
        let numbers: Vec<Number> = fetch_all(request.query(BY_REFERENCE, self.label)).await?;
        let ours = |one: &Number| one.is_held() && one.label() == Some(self.label);
        Ok(numbers.into_iter().find(ours))
    }

    async fn live_order(&self) -> ProviderResult<Option<Order>> {
        let request = self.api.get(["number_orders"]);
        let orders: Vec<Order> = fetch_all(request.query(BY_REFERENCE, self.label)).await?;
        let settle = self.settings.settle_ms.duration();
        let ours = |order: &Order| {
            order.customer_reference.as_deref() == Some(self.label) && order.is_live(settle)
        };
        Ok(orders.into_iter().find(ours))
    }

    /// Orders a number. `None` if another buyer was faster.
    async fn order(&self, number: &str, profile: &str) -> ProviderResult<Option<Order>> {
        let order = NewOrder {
            phone_numbers: [NewOrderLine {
                phone_number: number,
                requirement_group_id: self.settings.requirement_group_id.as_deref(),
            }],
            messaging_profile_id: profile,
            customer_reference: self.label,
            connection_id: self.settings.connection_id.as_deref(),
            billing_group_id: self.settings.billing_group_id.as_deref(),
        };
        match self
            .api
            .post(["number_orders"])
            .json(&order)
            .fetch_data()
            .await
        {
            Ok(order) => Ok(Some(order)),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            // The answer was lost and the number may be bought: it is looked up and never ordered again.
            Err(error) if error.effect() == Effect::Unknown => {
                let polling = self.settings.polling();
                let found = self.api.poll(polling, "", || self.live_order()).await;
                found.map(Some).map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    /// A number on offer that was not tried.
    async fn choose(&self, tried: &[ChosenNumber<'_>]) -> ProviderResult<ChosenNumber<'a>> {
        let request = self.api.get(["available_phone_numbers"]);
        let request = request
            .query("filter[country_code]", self.settings.country_code)
            .query(
                "filter[phone_number_type]",
                self.settings.number_type.word(),
            )
            .query("filter[features][]", "sms")
            .query("filter[limit]", 20)
            .query_each("filter[national_destination_code]", &self.area_code);
        let offers: Vec<Offer> = request.fetch_data().await?;
        let was_tried = |number: &str| tried.iter().any(|one| **one == *number);
        let suitable = offers
            .into_iter()
            .filter(|offer| self.suits(offer) && !was_tried(&offer.phone_number));
        let suitable: Vec<String> = suitable.map(|offer| offer.phone_number).collect();
        let none = "there is no number that can send texts within the price cap";
        let chosen = self.settings.chosen.choose(&suitable);
        chosen.ok_or_else(|| ErrorKind::Conflict.because(none))
    }

    fn suits(&self, offer: &Offer) -> bool {
        let (caps, price) = (self.settings, &offer.cost_information);
        offer.features.iter().any(|feature| feature.name == "sms")
            && caps.max_upfront_cost.covers(&price.upfront_cost)
            && caps.max_monthly_cost.covers(&price.monthly_cost)
    }

    /// Waits for the end of an order. One that still lacks documents then is cancelled.
    async fn final_status(&self, order: Order) -> ProviderResult<OrderStatus> {
        if order.status != OrderStatus::Pending {
            return Ok(order.status);
        }
        // A new order has `requirements_met: false` until the vendor has checked it, so only the last check counts.
        let lacks_documents = AtomicBool::new(false);
        let look = || async {
            let order: Order = self
                .api
                .get(["number_orders", &order.id])
                .fetch_data()
                .await?;
            lacks_documents.store(order.requirements_met == Some(false), Ordering::Relaxed);
            Ok((order.status != OrderStatus::Pending).then_some(order.status))
        };
        let late = "the order is still pending";
        let status = self.api.poll(self.settings.polling(), late, look).await;
        // With a requirement group the vendor may take days to check the documents: a later call looks again.
        let documents_are_filed = self.settings.requirement_group_id.is_some();
        if status.is_err() && lacks_documents.into_inner() && !documents_are_filed {
            return Err(self.cancel(&order).await?);
        }
        status
    }

    /// Cancels an order for which nobody will file the documents.
    async fn cancel(&self, order: &Order) -> ProviderResult<ProviderError> {
        for part in &order.sub_number_orders_ids {
            let request = self.api.patch(["sub_number_orders", part, "cancel"]);
            request.execute().await?;
        }
        let problem =
            "numbers in TELNYX_COUNTRY_CODE need documents that this account has not filed";
        Ok(ErrorKind::Forbidden.because(problem))
    }
}
