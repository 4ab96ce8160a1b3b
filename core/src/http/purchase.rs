use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::{Answer, Api, Patience, age};
use crate::ErrorKind;

/// How far an order is, in the words that vendors have for it.
///
/// ```
/// use agent_pool_core::http::Progress;
///
/// let read = |word: &str| serde_json::from_value::<Progress>(word.into());
/// assert_eq!(read("queued").unwrap(), Progress::Pending);
/// assert!(read("on hold").is_err(), "a word that nobody knows is no progress, and no failure either");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// `pending`, `queued`, `processing`: it is not known yet.
    #[serde(alias = "queued", alias = "processing")]
    Pending,
    /// `success`, `succeeded`, `completed`: what was ordered comes, or is there.
    #[serde(alias = "succeeded", alias = "completed")]
    Success,
    /// `failure`, `failed`, `cancelled`, `deleted`: nothing comes of it.
    #[serde(alias = "failed", alias = "cancelled", alias = "deleted")]
    Failure,
}

/// An order as its vendor shows it.
///
/// ```
/// use agent_pool_core::http::{Ordered, Progress};
///
/// let order = r#"{"id": "7", "status": "cancelled", "phone_numbers": []}"#;
/// let order: Ordered = serde_json::from_str(order).unwrap();
/// assert_eq!((order.status, order.created_at), (Progress::Failure, None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ordered {
    /// The vendor's id.
    pub id: String,
    /// How far it is.
    pub status: Progress,
    /// When it was placed, in the vendor's words.
    pub created_at: Option<String>,
}

impl Ordered {
    /// Whether something came of it, or may still come. One that is through, and is older than `settle`, is
    /// one whose thing was given back: otherwise it would be listed by now.
    fn is_live(&self, settle: Duration) -> bool {
        match self.status {
            Progress::Pending => true,
            Progress::Success => age(self.created_at.as_deref()).is_none_or(|age| age < settle),
            Progress::Failure => false,
        }
    }
}

/// What has to be bought for one label, at a vendor whose orders are carried out later and have no
/// idempotency key, such as a phone number. [`buy`] uses it so that it never buys two.
#[async_trait]
pub trait Purchase: Sync {
    /// What is bought.
    type Thing: Send;

    /// What bears the label already.
    async fn held(&self, api: Api<'_>) -> Answer<Option<Self::Thing>>;

    /// Every order of the label.
    async fn orders(&self, api: Api<'_>) -> Answer<Vec<Ordered>>;

    /// One offer that suits and is not among those that were tried.
    async fn offer(&self, api: Api<'_>, tried: &[String]) -> Answer<String>;

    /// Orders it, and answers the order's id. That another buyer was faster is [`ErrorKind::Conflict`].
    async fn order(&self, api: Api<'_>, offer: &str) -> Answer<String>;

    /// How far the order is.
    async fn progress(&self, api: Api<'_>, order: &str) -> Answer<Progress>;
}

/// Offers that are tried before another buyer wins for good.
const OFFERS: usize = 5;

/// The label's thing: the one that is there, the one that is on its way, or one that is ordered now.
///
/// An order whose answer was lost is looked for and never repeated. Only one of which nothing came is
/// followed by another, for another offer. What was ordered may be missing from the vendor's lists for
/// `settle`; after that it was given back.
///
/// # Errors
/// Those of the purchase; [`ErrorKind::Unavailable`] while an order takes long, and a later call goes on from
/// there; [`ErrorKind::Conflict`] when other buyers are always faster.
pub async fn buy<P: Purchase>(
    purchase: &P,
    api: Api<'_>,
    patience: Patience,
    settle: Duration,
) -> Answer<P::Thing> {
    if let Some(thing) = purchase.held(api).await? {
        return Ok(thing);
    }
    let live = || async {
        let mut orders = purchase.orders(api).await?.into_iter();
        let live = orders.find(|order| order.is_live(settle));
        Ok(live.map(|order| order.id))
    };
    let mut order = live().await?;
    let mut tried = Vec::new();
    while tried.len() < OFFERS {
        if order.is_none() {
            let offer = purchase.offer(api, &tried).await?;
            let place = purchase.order(api, &offer);
            match api.once(patience, place, live).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                placed => order = Some(placed?),
            }
            tried.push(offer);
        }
        if let Some(id) = order.take() {
            let look = || async {
                let progress = purchase.progress(api, &id).await?;
                Ok(Some(progress).filter(|progress| *progress != Progress::Pending))
            };
            let pending = "the order is still pending";
            if api.until(patience, pending, look).await? == Progress::Success {
                let late = "it is ordered and not listed yet";
                return api.until(patience, late, || purchase.held(api)).await;
            }
        }
    }
    let problem = format!("{OFFERS} offers in a row went to other buyers");
    Err(ErrorKind::Conflict.because(problem))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::http::VendorHttp;
    use crate::{Context, Effect, Mark, ProviderError};

    const PATIENCE: Patience = Patience {
        pause: Duration::from_secs(1),
        limit: Duration::from_secs(10),
    };

    const SETTLE: Duration = Duration::from_secs(600);

    /// A shop of one customer.
    #[derive(Debug, Default)]
    struct Shop {
        orders: Vec<String>,
        /// Offers that go to another buyer, who is faster than the order.
        taken: Vec<&'static str>,
        /// Offers whose orders come to nothing.
        lost: Vec<&'static str>,
        /// The answer to the next order is lost.
        loses_answer: bool,
        /// How often an order is looked at before it is through.
        slow: u32,
        /// When the orders were placed.
        placed: Option<&'static str>,
        /// What was bought was given back.
        returned: bool,
    }

    struct Customer(Mutex<Shop>);

    impl Customer {
        async fn buys(&self) -> Answer<String> {
            let vendor = VendorHttp::new("http://localhost".parse().unwrap());
            let http = reqwest::Client::builder().build().unwrap();
            let cx = Context::new(Mark::new(&"dev".parse().unwrap()), http);
            buy(self, vendor.on(&cx), PATIENCE, SETTLE).await
        }

        fn orders(&self) -> Vec<String> {
            self.0.lock().unwrap().orders.clone()
        }
    }

    fn customer(shop: Shop) -> Customer {
        Customer(Mutex::new(shop))
    }

    impl Shop {
        fn status(&self, offer: &str) -> Progress {
            match self.lost.contains(&offer) {
                true => Progress::Failure,
                false if self.slow > 0 => Progress::Pending,
                false => Progress::Success,
            }
        }
    }

    #[async_trait]
    impl Purchase for Customer {
        type Thing = String;

        async fn held(&self, _: Api<'_>) -> Answer<Option<String>> {
            let shop = self.0.lock().unwrap();
            let mut orders = shop.orders.iter().filter(|_| !shop.returned);
            let through = orders.find(|one| shop.status(one) == Progress::Success);
            Ok(through.cloned())
        }

        async fn orders(&self, _: Api<'_>) -> Answer<Vec<Ordered>> {
            let shop = self.0.lock().unwrap();
            let orders = shop.orders.iter().map(|id| Ordered {
                id: id.clone(),
                status: shop.status(id),
                created_at: shop.placed.map(str::to_owned),
            });
            Ok(orders.collect())
        }

        async fn offer(&self, _: Api<'_>, tried: &[String]) -> Answer<String> {
            let all = ["a", "b", "c", "d", "e", "f"].map(str::to_owned);
            let fresh = all.into_iter().find(|offer| !tried.contains(offer));
            fresh.ok_or_else(|| ErrorKind::Conflict.because("sold out"))
        }

        async fn order(&self, _: Api<'_>, offer: &str) -> Answer<String> {
            let mut shop = self.0.lock().unwrap();
            if shop.taken.contains(&offer) {
                return Err(ErrorKind::Conflict.because("gone"));
            }
            shop.orders.push(offer.to_owned());
            if std::mem::take(&mut shop.loses_answer) {
                let lost = ProviderError::new(ErrorKind::Unavailable, "lost");
                return Err(lost.with_effect(Effect::Unknown));
            }
            Ok(offer.to_owned())
        }

        async fn progress(&self, _: Api<'_>, order: &str) -> Answer<Progress> {
            let mut shop = self.0.lock().unwrap();
            let progress = shop.status(order);
            shop.slow = shop.slow.saturating_sub(1);
            Ok(progress)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bought_once_however_often_it_is_wanted() {
        let customer = customer(Shop::default());
        assert_eq!(customer.buys().await.unwrap(), "a");
        assert_eq!(customer.buys().await.unwrap(), "a");
        assert_eq!(customer.orders(), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_whose_answer_was_lost_is_not_repeated() {
        let shop = Shop {
            loses_answer: true,
            ..Shop::default()
        };
        let customer = customer(shop);
        assert_eq!(customer.buys().await.unwrap(), "a");
        assert_eq!(customer.orders(), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_that_takes_long_is_gone_on_with_by_the_next_call() {
        let customer = customer(Shop {
            slow: 15,
            ..Shop::default()
        });
        let error = customer.buys().await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(error.to_string().ends_with("still pending"), "{error}");
        assert_eq!(customer.buys().await.unwrap(), "a");
        assert_eq!(customer.orders(), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_buyer_took_is_followed_by_the_next_offer() {
        let shop = Shop {
            taken: vec!["a"],
            lost: vec!["b"],
            ..Shop::default()
        };
        let customer = customer(shop);
        assert_eq!(customer.buys().await.unwrap(), "c");
        assert_eq!(customer.orders(), ["b", "c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn other_buyers_win_in_the_end() {
        let shop = Shop {
            taken: vec!["a", "b", "c", "d", "e"],
            ..Shop::default()
        };
        let error = customer(shop).buys().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_transient()),
            (ErrorKind::Conflict, false)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_back_is_bought_again_once_lists_have_settled() {
        let customer = customer(Shop::default());
        customer.buys().await.unwrap();
        customer.0.lock().unwrap().returned = true;
        let error = customer.buys().await.unwrap_err();
        assert!(error.to_string().ends_with("not listed yet"), "{error}");
        assert_eq!(customer.orders(), ["a"]);
        customer.0.lock().unwrap().placed = Some("2026-01-01T00:00:00Z");
        customer.buys().await.unwrap_err();
        assert_eq!(customer.orders(), ["a", "a"]);
    }

    #[test]
    fn vendors_have_several_words_for_one_progress() {
        let read = |word: &str| serde_json::from_value::<Progress>(word.into());
        assert_eq!(read("queued").unwrap(), Progress::Pending);
        assert_eq!(read("completed").unwrap(), Progress::Success);
        assert_eq!(read("cancelled").unwrap(), Progress::Failure);
        assert!(read("gone fishing").is_err());
    }
}
