//! From a reference to a number: found, on its way, or bought. Never two for one reference.

use std::future::Future;
use std::time::Duration;

use agent_pool_core::{Context, Effect, ErrorKind, ProviderError};
use chrono::{DateTime, Utc};
use rand::seq::IndexedRandom;
use tokio::time::{Instant, sleep};
use tracing::info;

use crate::Telnyx;
use crate::model::{NewOrder, Number, Order, OrderStatus};

/// What is to be bought, for whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) reference: &'a str,
    pub(crate) profile: &'a str,
    pub(crate) area: Option<&'a str>,
}

impl Telnyx {
    /// Numbers that are tried before another buyer wins for good.
    const CANDIDATES: usize = 5;

    /// The number of this reference: the one that is there, or one that is ordered now.
    pub(crate) async fn number(
        &self,
        cx: &Context,
        wanted: Wanted<'_>,
    ) -> Result<Number, ProviderError> {
        if let Some(number) = self.held(cx, wanted.reference).await? {
            return Ok(number);
        }
        if let Some(order) = self.live_order(cx, wanted.reference).await?
            && let Some(number) = self.outcome(cx, order, wanted.reference).await?
        {
            return Ok(number);
        }
        let mut tried = Vec::new();
        while tried.len() < Self::CANDIDATES {
            let candidate = self.candidate(cx, wanted.area, &tried).await?;
            tried.push(candidate.clone());
            if let Some(order) = self.order(cx, &candidate, wanted).await?
                && let Some(number) = self.outcome(cx, order, wanted.reference).await?
            {
                return Ok(number);
            }
            info!("a number was taken by another buyer, trying the next");
        }
        let problem = format!("{} numbers in a row went to other buyers", tried.len());
        Err(ProviderError::new(ErrorKind::Conflict, problem))
    }

    async fn held(&self, cx: &Context, reference: &str) -> Result<Option<Number>, ProviderError> {
        let numbers = self.client.numbers_of(cx, reference).await?;
        Ok(numbers.into_iter().find(|number| {
            number.is_held() && number.customer_reference.as_deref() == Some(reference)
        }))
    }

    /// The order of this reference of which a number came, or may still come.
    async fn live_order(
        &self,
        cx: &Context,
        reference: &str,
    ) -> Result<Option<Order>, ProviderError> {
        let orders = self.client.orders(cx, reference).await?;
        Ok(orders.into_iter().find(|order| {
            let ours = order.customer_reference.as_deref() == Some(reference);
            ours && match order.status {
                OrderStatus::Pending => true,
                OrderStatus::Success => self.is_recent(order),
                OrderStatus::Failure => false,
            }
        }))
    }

    /// Whether its number may still be on its way into the lists. After that, it was released.
    fn is_recent(&self, order: &Order) -> bool {
        let created = order
            .created_at
            .as_deref()
            .and_then(|at| at.parse::<DateTime<Utc>>().ok());
        let age = created.map(|at| (Utc::now() - at).to_std().unwrap_or_default());
        age.is_none_or(|age| age < self.settings.settle_ms.duration())
    }

    /// One suitable number at random: a search has the same answer for every buyer.
    async fn candidate(
        &self,
        cx: &Context,
        area: Option<&str>,
        tried: &[String],
    ) -> Result<String, ProviderError> {
        let country = self.settings.country_code.as_str();
        let most = (
            self.settings.max_upfront_cost.get(),
            self.settings.max_monthly_cost.get(),
        );
        let mut offers = self.client.offers(cx, country, area).await?;
        offers.retain(|offer| offer.suits(most.0, most.1) && !tried.contains(&offer.phone_number));
        let chosen = offers
            .choose(&mut rand::rng())
            .map(|offer| offer.phone_number.clone());
        chosen.ok_or_else(|| {
            let problem =
                format!("no number in {country} that can send texts within the price cap");
            ProviderError::new(ErrorKind::Conflict, problem)
        })
    }

    /// Orders one number. `None`: another buyer was faster. When the answer is lost, the order is looked
    /// up, never repeated.
    async fn order(
        &self,
        cx: &Context,
        number: &str,
        wanted: Wanted<'_>,
    ) -> Result<Option<Order>, ProviderError> {
        let order = NewOrder::new(number, wanted.profile, wanted.reference);
        match self.client.order(cx, &order).await {
            Ok(order) => Ok(Some(order)),
            Err(error) if error.effect() == Effect::Unknown => {
                let look = || self.live_order(cx, wanted.reference);
                match self.until(cx, look).await {
                    Ok(Some(order)) => Ok(Some(order)),
                    Ok(None) | Err(_) => Err(error),
                }
            }
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What came of an order: its number, or `None` where there will be none.
    async fn outcome(
        &self,
        cx: &Context,
        order: Order,
        reference: &str,
    ) -> Result<Option<Number>, ProviderError> {
        let id = order.id.clone();
        let look = || async {
            let order = self.client.order_by_id(cx, &id).await?;
            Ok(settled(order))
        };
        let settled = match settled(order) {
            Some(order) => Some(order),
            None => self.until(cx, look).await?,
        };
        let order = settled.ok_or_else(|| late("the order is still pending"))?;
        match order.status {
            OrderStatus::Success => {
                let number = self.until(cx, || self.held(cx, reference)).await?;
                number
                    .map(Some)
                    .ok_or_else(|| late("the number is ordered and not listed yet"))
            }
            OrderStatus::Failure => Ok(None),
            OrderStatus::Pending => self.cancel(cx, &order).await.map(|()| None),
        }
    }

    /// Ends an order that waits for papers.
    async fn cancel(&self, cx: &Context, order: &Order) -> Result<(), ProviderError> {
        for part in &order.sub_number_orders_ids {
            self.client.cancel_part(cx, part).await?;
        }
        let country = self.settings.country_code.as_str();
        let problem = format!("numbers in {country} need papers that this account has not filed");
        Err(ProviderError::new(ErrorKind::Forbidden, problem))
    }

    /// Looks again and again until there is something, or the time for it is over.
    pub(crate) async fn until<T, F>(
        &self,
        cx: &Context,
        look: impl Fn() -> F,
    ) -> Result<Option<T>, ProviderError>
    where
        F: Future<Output = Result<Option<T>, ProviderError>>,
    {
        let limit = self.settings.fulfilment_ms.duration();
        let limit = cx.remaining().map_or(limit, |left| limit.min(left));
        let (pause, end) = (self.settings.poll_ms.duration(), Instant::now() + limit);
        loop {
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            if Instant::now() + pause >= end {
                return Ok(None);
            }
            sleep(pause.max(Duration::from_millis(1))).await;
        }
    }
}

/// The order, once there is nothing to wait for: it is through, failed, or waits for papers.
fn settled(order: Order) -> Option<Order> {
    let waits = order.status == OrderStatus::Pending && order.requirements_met != Some(false);
    (!waits).then_some(order)
}

fn late(problem: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Unavailable, problem)
}
