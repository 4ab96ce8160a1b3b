use std::time::Duration;

use async_trait::async_trait;
use rand::seq::IteratorRandom;
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
/// assert!(read("on hold").is_err(), "a word that nobody knows is not taken for a failure");
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

/// What can be bought for a label, at a vendor whose orders are carried out later and have no
/// idempotency key, such as a phone number. [`buy`] uses it so that it never buys two.
///
/// ```
/// # use agent_pool_core::doctest;
/// use agent_pool_core::prelude::*;
///
/// /// Numbers at a vendor that tags them.
/// struct Numbers;
///
/// #[async_trait]
/// impl Purchase for Numbers {
///     type Thing = String;
///     const NOTHING_SUITS: &str = "there is no number that can send texts";
///
///     async fn held(&self, api: Api<'_>, label: &str) -> Answer<Option<String>> {
///         let mut held: Vec<String> = api.get(["numbers"]).query("tag", label).fetch().await?;
///         Ok(held.pop())
///     }
///
///     async fn orders(&self, api: Api<'_>, label: &str) -> Answer<Vec<Ordered>> {
///         api.get(["orders"]).query("tag", label).fetch().await
///     }
///
///     async fn offers(&self, api: Api<'_>) -> Answer<Vec<String>> {
///         api.get(["offers"]).query("can", "sms").fetch().await
///     }
///
///     async fn order(&self, api: Api<'_>, label: &str, offer: &str) -> Answer<String> {
///         let order = api.post(["orders"]).json(&json!({ "number": offer, "tag": label }));
///         Ok(order.fetch::<Ordered>().await?.id)
///     }
///
///     async fn progress(&self, api: Api<'_>, order: &str) -> Answer<Progress> {
///         Ok(api.get(["orders", order]).fetch::<Ordered>().await?.status)
///     }
/// }
/// # doctest::shop().run(async |api| {
/// # let patience = Patience { pause: Duration::from_millis(1), limit: Duration::from_secs(20) };
/// # let number = buy(&Numbers, api, "ap-dev-k3v9x0a1b2c3", patience, Duration::from_secs(600)).await?;
/// # assert!(number.starts_with("+155501"), "{number}");
/// # Ok(()) });
/// ```
#[async_trait]
pub trait Purchase: Sync {
    /// What is bought.
    type Thing: Send;

    /// What to say where nothing on offer suits, as in "there is no number that can send texts".
    const NOTHING_SUITS: &'static str;

    /// What bears `label` already.
    async fn held(&self, api: Api<'_>, label: &str) -> Answer<Option<Self::Thing>>;

    /// Every order of the label.
    async fn orders(&self, api: Api<'_>, label: &str) -> Answer<Vec<Ordered>>;

    /// What is on offer and suits; which of it is taken is left to chance.
    async fn offers(&self, api: Api<'_>) -> Answer<Vec<String>>;

    /// Orders it for `label`, and answers the order's id. That another buyer was faster is [`ErrorKind::Conflict`].
    async fn order(&self, api: Api<'_>, label: &str, offer: &str) -> Answer<String>;

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
/// ```
/// # use agent_pool_core::{conformance::Fault, doctest::{Numbers, shop}, prelude::*};
/// # shop().misbehaving(Fault::LostAnswer("POST")).run(async |api| {
/// # let patience = Patience { pause: Duration::from_millis(1), limit: Duration::from_secs(20) };
/// # let (label, settle) = ("ap-dev-k3v9x0a1b2c3", Duration::from_secs(600));
/// // The answer to the order is lost. It is found, and a second call finds the number.
/// let number = buy(&Numbers, api, label, patience, settle).await?;
/// assert_eq!(buy(&Numbers, api, label, patience, settle).await?, number);
/// assert_eq!(Numbers.orders(api, label).await?.len(), 1);
/// # Ok(()) });
/// ```
///
/// # Errors
/// Those of the purchase; [`ErrorKind::Unavailable`] while an order takes long, and a later call goes on from
/// there; [`ErrorKind::Conflict`] when other buyers are always faster.
pub async fn buy<P: Purchase>(
    purchase: &P,
    api: Api<'_>,
    label: &str,
    patience: Patience,
    settle: Duration,
) -> Answer<P::Thing> {
    if let Some(thing) = purchase.held(api, label).await? {
        return Ok(thing);
    }
    let live = || async {
        let mut orders = purchase.orders(api, label).await?.into_iter();
        let live = orders.find(|order| order.is_live(settle));
        Ok(live.map(|order| order.id))
    };
    let mut order = live().await?;
    let mut tried = Vec::new();
    while tried.len() < OFFERS {
        if order.is_none() {
            let offer = chosen(purchase, api, &tried).await?;
            let place = purchase.order(api, label, &offer);
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
                return api
                    .until(patience, late, || purchase.held(api, label))
                    .await;
            }
        }
    }
    let problem = format!("{OFFERS} offers in a row went to other buyers");
    Err(ErrorKind::Conflict.because(problem))
}

/// An offer that was not tried. At random: every buyer who searches is answered the same, and all would
/// want the first.
async fn chosen<P: Purchase>(purchase: &P, api: Api<'_>, tried: &[String]) -> Answer<String> {
    let offers = purchase.offers(api).await?.into_iter();
    let fresh = offers.filter(|offer| !tried.contains(offer));
    let chosen = fresh.choose(&mut rand::rng());
    chosen.ok_or_else(|| ErrorKind::Conflict.because(P::NOTHING_SUITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
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
    #[derive(Debug)]
    struct Shop {
        offers: Vec<String>,
        /// Every offer that was ordered, whether or not it went to another buyer.
        asked: Vec<String>,
        orders: Vec<String>,
        /// How many more go to another buyer, who is faster than the order.
        taken: usize,
        /// How many of the first orders come to nothing.
        lost: usize,
        /// The answer to the next order is lost.
        loses_answer: bool,
        /// How often an order is looked at before it is through.
        slow: u32,
        /// When the orders were placed.
        placed: Option<&'static str>,
        /// What was bought was given back.
        returned: bool,
    }

    impl Default for Shop {
        fn default() -> Self {
            Self {
                offers: ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec(),
                asked: Vec::new(),
                orders: Vec::new(),
                taken: 0,
                lost: 0,
                loses_answer: false,
                slow: 0,
                placed: None,
                returned: false,
            }
        }
    }

    struct Customer(Mutex<Shop>);

    impl Customer {
        async fn buys(&self) -> Answer<String> {
            let vendor = VendorHttp::new("http://localhost".parse().unwrap());
            let http = crate::http::client_builder().build().unwrap();
            let cx = Context::new(Mark::new(&"dev".parse().unwrap()), http);
            buy(self, vendor.on(&cx), "ap-dev-1", PATIENCE, SETTLE).await
        }

        fn orders(&self) -> Vec<String> {
            self.0.lock().unwrap().orders.clone()
        }
    }

    fn customer(shop: Shop) -> Customer {
        Customer(Mutex::new(shop))
    }

    impl Shop {
        fn status(&self, order: &str) -> Progress {
            match self.orders.iter().position(|one| one == order) {
                Some(place) if place < self.lost => Progress::Failure,
                _ if self.slow > 0 => Progress::Pending,
                _ => Progress::Success,
            }
        }
    }

    #[async_trait]
    impl Purchase for Customer {
        type Thing = String;

        const NOTHING_SUITS: &'static str = "sold out";

        async fn held(&self, _: Api<'_>, _: &str) -> Answer<Option<String>> {
            let shop = self.0.lock().unwrap();
            let mut orders = shop.orders.iter().filter(|_| !shop.returned);
            let through = orders.find(|one| shop.status(one) == Progress::Success);
            Ok(through.cloned())
        }

        async fn orders(&self, _: Api<'_>, _: &str) -> Answer<Vec<Ordered>> {
            let shop = self.0.lock().unwrap();
            let orders = shop.orders.iter().map(|id| Ordered {
                id: id.clone(),
                status: shop.status(id),
                created_at: shop.placed.map(str::to_owned),
            });
            Ok(orders.collect())
        }

        async fn offers(&self, _: Api<'_>) -> Answer<Vec<String>> {
            Ok(self.0.lock().unwrap().offers.clone())
        }

        async fn order(&self, _: Api<'_>, _: &str, offer: &str) -> Answer<String> {
            let mut shop = self.0.lock().unwrap();
            shop.asked.push(offer.to_owned());
            if shop.taken > 0 {
                shop.taken -= 1;
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
        let bought = customer.buys().await.unwrap();
        assert_eq!(customer.buys().await.unwrap(), bought);
        assert_eq!(customer.orders(), [bought]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_whose_answer_was_lost_is_not_repeated() {
        let shop = Shop {
            loses_answer: true,
            ..Shop::default()
        };
        let customer = customer(shop);
        let bought = customer.buys().await.unwrap();
        assert_eq!(customer.orders(), [bought]);
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
        let bought = customer.buys().await.unwrap();
        assert_eq!(customer.orders(), [bought]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_buyer_took_is_followed_by_another_offer() {
        let shop = Shop {
            taken: 1,
            lost: 1,
            ..Shop::default()
        };
        let customer = customer(shop);
        let bought = customer.buys().await.unwrap();
        assert_eq!(customer.orders()[1..], [bought]);
        let asked = &customer.0.lock().unwrap().asked;
        let different: BTreeSet<_> = asked.iter().collect();
        assert_eq!((asked.len(), different.len()), (3, 3), "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn other_buyers_win_in_the_end() {
        let shop = Shop {
            taken: OFFERS,
            ..Shop::default()
        };
        let error = customer(shop).buys().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(!error.is_transient(), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn buyers_of_one_search_are_spread_over_its_offers() {
        let mut bought = BTreeSet::new();
        for _ in 0..60 {
            bought.insert(customer(Shop::default()).buys().await.unwrap());
        }
        assert!(bought.len() > 1, "{bought:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_suits_the_purchase_says_so() {
        let shop = Shop {
            offers: Vec::new(),
            ..Shop::default()
        };
        let error = customer(shop).buys().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().ends_with("sold out"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_back_is_bought_again_once_lists_have_settled() {
        let customer = customer(Shop::default());
        customer.buys().await.unwrap();
        customer.0.lock().unwrap().returned = true;
        let error = customer.buys().await.unwrap_err();
        assert!(error.to_string().ends_with("not listed yet"), "{error}");
        assert_eq!(customer.orders().len(), 1);
        customer.0.lock().unwrap().placed = Some("2026-01-01T00:00:00Z");
        customer.buys().await.unwrap_err();
        assert_eq!(customer.orders().len(), 2);
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
