use async_trait::async_trait;

use super::{Answer, Api, Patience};
use crate::ErrorKind;

/// What has to be bought for one label, at a vendor whose orders are carried out later and have no
/// idempotency key, such as a phone number. [`buy`] uses it so that it never buys two.
#[async_trait]
pub trait Purchase: Sync {
    /// What is bought.
    type Thing: Send;

    /// What bears the label already.
    async fn held(&self, api: Api<'_>) -> Answer<Option<Self::Thing>>;

    /// The id of the label's order of which a thing came, or may still come.
    async fn under_way(&self, api: Api<'_>) -> Answer<Option<String>>;

    /// One offer that suits and is not among those that were tried.
    async fn offer(&self, api: Api<'_>, tried: &[String]) -> Answer<String>;

    /// Orders it, and answers the order's id. That another buyer was faster is [`ErrorKind::Conflict`].
    async fn order(&self, api: Api<'_>, offer: &str) -> Answer<String>;

    /// Whether a thing comes of the order; `None` while the vendor does not know.
    async fn outcome(&self, api: Api<'_>, order: &str) -> Answer<Option<bool>>;
}

/// Offers that are tried before another buyer wins for good.
const OFFERS: usize = 5;

/// The label's thing: the one that is there, the one that is on its way, or one that is ordered now.
///
/// An order whose answer was lost is looked for and never repeated. Only one of which nothing came is
/// followed by another, for another offer.
///
/// # Errors
/// Those of the purchase; [`ErrorKind::Unavailable`] while an order takes long, and a later call goes on from
/// there; [`ErrorKind::Conflict`] when other buyers are always faster.
pub async fn buy<P: Purchase>(purchase: &P, api: Api<'_>, patience: Patience) -> Answer<P::Thing> {
    if let Some(thing) = purchase.held(api).await? {
        return Ok(thing);
    }
    let mut order = purchase.under_way(api).await?;
    let mut tried = Vec::new();
    while tried.len() < OFFERS {
        if order.is_none() {
            let offer = purchase.offer(api, &tried).await?;
            let place = purchase.order(api, &offer);
            let look = || purchase.under_way(api);
            match api.once(patience, place, look).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                placed => order = Some(placed?),
            }
            tried.push(offer);
        }
        if let Some(id) = order.take() {
            let look = || purchase.outcome(api, &id);
            let pending = "the order is still pending";
            if api.until(patience, pending, look).await? {
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
    }

    struct Customer(Mutex<Shop>);

    impl Customer {
        async fn buys(&self) -> Answer<String> {
            let vendor = VendorHttp::new("http://localhost".parse().unwrap());
            let http = reqwest::Client::builder().build().unwrap();
            let cx = Context::new(Mark::new(&"dev".parse().unwrap()), http);
            buy(self, vendor.on(&cx), PATIENCE).await
        }

        fn orders(&self) -> Vec<String> {
            self.0.lock().unwrap().orders.clone()
        }
    }

    fn customer(shop: Shop) -> Customer {
        Customer(Mutex::new(shop))
    }

    impl Shop {
        /// The order of which something came or may come.
        fn live(&self) -> Option<String> {
            let lost = |offer: &String| self.lost.contains(&offer.as_str());
            self.orders.iter().find(|offer| !lost(offer)).cloned()
        }
    }

    #[async_trait]
    impl Purchase for Customer {
        type Thing = String;

        async fn held(&self, _: Api<'_>) -> Answer<Option<String>> {
            let shop = self.0.lock().unwrap();
            Ok(shop.live().filter(|_| shop.slow == 0))
        }

        async fn under_way(&self, _: Api<'_>) -> Answer<Option<String>> {
            Ok(self.0.lock().unwrap().live())
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

        async fn outcome(&self, _: Api<'_>, order: &str) -> Answer<Option<bool>> {
            let mut shop = self.0.lock().unwrap();
            if shop.slow > 0 {
                shop.slow -= 1;
                return Ok(None);
            }
            Ok(Some(!shop.lost.contains(&order)))
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
}
