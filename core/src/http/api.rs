use std::future::Future;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{VendorHttp, VendorRequest};
use crate::settings::Millis;
use crate::{Context, Effect, ErrorKind, ProviderError};

/// A vendor's API as one operation uses it: within the operation's context.
///
/// ```
/// # use agent_pool_core::{doctest, prelude::*};
/// # doctest::echo().run(async |api| {
/// // A vendor under …/v1 that answers what it is asked:
/// let got: Value = api.get(["keys", "a/b"]).query("limit", 2).fetch().await?;
/// assert_eq!(got["asked"], "GET /v1/keys/a%2Fb?limit=2");
/// let put: Value = api.put(["keys", "a"]).json(&json!({ "limit": 5 })).fetch().await?;
/// assert_eq!(put["asked"], "PUT /v1/keys/a");
/// // What would lead elsewhere is not sent.
/// let error = api.delete(["keys", ".."]).done().await.unwrap_err();
/// assert_eq!((error.kind(), error.effect()), (ErrorKind::Invalid, Effect::NotDone));
/// # Ok(()) });
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Api<'a> {
    vendor: &'a VendorHttp,
    cx: &'a Context,
}

/// How long, and how often, to look for what a vendor takes its time with.
///
/// ```
/// use agent_pool_core::prelude::*;
///
/// // As settings have them: `ACME_POLL_INTERVAL_MS`, `ACME_POLL_TIMEOUT_MS`.
/// let patience = Patience::new(settings::millis::<500>(), settings::millis::<20_000>());
/// assert_eq!(patience.limit, Duration::from_secs(20));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The pause between two looks.
    pub pause: Duration,
    /// How long to look in all; the context may leave less.
    pub limit: Duration,
}

impl Patience {
    /// The patience that two settings say.
    #[must_use]
    pub const fn new(pause: Millis, limit: Millis) -> Self {
        Self {
            pause: pause.duration(),
            limit: limit.duration(),
        }
    }
}

impl<'a> Api<'a> {
    pub(super) const fn new(vendor: &'a VendorHttp, cx: &'a Context) -> Self {
        Self { vendor, cx }
    }

    /// The surroundings of the operation: its mark, its deadline.
    ///
    /// ```
    /// # use agent_pool_core::{doctest, prelude::*};
    /// # doctest::echo().run(async |api| {
    /// // A vendor that can filter by a prefix lists ours alone.
    /// let ours: Value = api.get(["keys"]).query("prefix", api.cx().mark().prefix()).fetch().await?;
    /// assert_eq!(ours["asked"], "GET /v1/keys?prefix=ap-dev-");
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub const fn cx(self) -> &'a Context {
        self.cx
    }

    /// Where the calls go, and what the vendor's refusals mean.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # doctest::vendor(|_| Some(FakeAnswer::json(200, &json!({ "errors": ["no such key"] })))).run(async |api| {
    /// // GraphQL refuses under the status 200.
    /// let reply = api.post([]).json(&json!({ "query": "{ me { id } }" })).send().await?;
    /// let refused = reply.json::<Value>()?.get("errors").is_some();
    /// assert!(refused && api.vendor().refusal(&reply).to_string().contains("no such key"));
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub const fn vendor(self) -> &'a VendorHttp {
        self.vendor
    }

    /// A `GET` of the path made of `segments`, each of which is percent-encoded.
    pub fn get(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::GET, segments)
    }

    /// A `POST`; see [`Api::get`]. Without segments it goes to the base itself.
    ///
    /// ```
    /// # use agent_pool_core::{doctest, prelude::*};
    /// # doctest::echo().run(async |api| {
    /// let body = json!({ "name": "ap-dev-k3v9x0a1b2c3" });
    /// let made: Value = api.post(["keys"]).json(&body).fetch().await?;
    /// assert_eq!((&made["asked"], &made["body"]), (&json!("POST /v1/keys"), &body));
    /// # Ok(()) });
    /// ```
    pub fn post(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::POST, segments)
    }

    /// A `PATCH`; see [`Api::get`].
    ///
    /// ```
    /// # use agent_pool_core::{doctest, prelude::*};
    /// # doctest::echo().run(async |api| {
    /// let changed: Value = api.patch(["keys", "key-17"]).json(&json!({ "limit": 5 })).fetch().await?;
    /// assert_eq!(changed["asked"], "PATCH /v1/keys/key-17");
    /// # Ok(()) });
    /// ```
    pub fn patch(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::PATCH, segments)
    }

    /// A `PUT`; see [`Api::get`].
    pub fn put(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::PUT, segments)
    }

    /// A `DELETE`; see [`Api::get`].
    pub fn delete(self, segments: impl IntoIterator<Item = &'a str>) -> VendorRequest<'a> {
        VendorRequest::new(self, Method::DELETE, segments)
    }

    /// Looks again and again until there is something.
    ///
    /// It is for what a vendor does after its answer, such as an order that is pending, and no retry: the
    /// first error ends it, but for [`ErrorKind::NotFound`], which means not yet.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # let mut looks = 0;
    /// # let answer = move |_: &_| {
    /// #     looks += 1;
    /// #     Some(FakeAnswer::json(200, &json!({ "number": (looks > 2).then_some("+15550100") })))
    /// # };
    /// # doctest::vendor(answer).run(async |api| {
    /// # let patience = Patience { pause: Duration::from_millis(1), limit: Duration::from_secs(20) };
    /// // An order that answers `{"number": null}` while it is pending:
    /// let look = || async {
    ///     let order: Value = api.get(["orders", "7"]).fetch().await?;
    ///     Ok(order["number"].as_str().map(str::to_owned))
    /// };
    /// let number = api.until(patience, "the order is still pending", look).await?;
    /// assert_eq!(number, "+15550100");
    /// let never = || async { Ok(None::<()>) };
    /// # let patience = Patience { limit: Duration::ZERO, ..patience };
    /// let error = api.until(patience, "the order is still pending", never).await.unwrap_err();
    /// assert!(error.is_transient() && error.to_string().ends_with("still pending"));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Those of `look`, and [`ErrorKind::Unavailable`] saying `late` where the time for it is over: a later
    /// call goes on from there.
    pub async fn until<T, F>(
        self,
        patience: Patience,
        late: &'static str,
        look: impl Fn() -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<Option<T>, ProviderError>>,
    {
        let Patience { pause, limit } = patience;
        let limit = self.cx.remaining().map_or(limit, |left| limit.min(left));
        let end = Instant::now() + limit;
        loop {
            match look().await {
                Ok(Some(found)) => return Ok(found),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(None) | Err(_) => {}
            }
            if Instant::now() + pause >= end {
                return Err(ProviderError::new(ErrorKind::Unavailable, late));
            }
            sleep(pause.max(Duration::from_millis(1))).await;
        }
    }

    /// Changes what is at `path`, a resource that the vendor knows late, until reading it back shows every
    /// member of `change`. Both answers are wrapped in `data`.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::{FakeAnswer, FakeRequest}, doctest, prelude::*};
    /// # let mut asked_for = Vec::new();
    /// # let answer = move |asked: &FakeRequest| {
    /// #     if asked.method() == "PATCH" { asked_for.push(asked.body().clone()); }
    /// #     let now = asked_for.get(1).cloned().unwrap_or_default(); // it takes no notice of the first
    /// #     Some(FakeAnswer::json(200, &json!({ "data": now })))
    /// # };
    /// # doctest::vendor(answer).run(async |api| {
    /// # let patience = Patience { pause: Duration::from_millis(1), limit: Duration::from_secs(20) };
    /// // A number is known to the vendor's other half only some seconds after it was bought.
    /// let change = json!({ "messaging_profile_id": "profile-1" });
    /// api.confirmed(&["numbers", "7"], &change, patience).await?;
    /// let now: Value = api.get(["numbers", "7"]).data().await?;
    /// assert_eq!(now, change);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`Api::until`].
    pub async fn confirmed(
        self,
        path: &[&str],
        change: &Value,
        patience: Patience,
    ) -> Result<(), ProviderError> {
        let look = || async {
            let segments = || path.iter().copied();
            self.patch(segments()).json(change).done().await?;
            let now: Value = self.get(segments()).data().await?;
            let mut members = change.as_object().into_iter().flatten();
            let is_so = members.all(|(name, value)| now.get(name) == Some(value));
            Ok(is_so.then_some(()))
        };
        let late = "the change is accepted and does not show yet";
        self.until(patience, late, look).await
    }

    /// Waits for a creation that the vendor would do once more if it were asked once more. Where its answer
    /// is lost, what came of it is looked for; never is it repeated.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::{FakeAnswer, FakeRequest, Fault}, doctest, prelude::*};
    /// # let mut boxes = Vec::new();
    /// # let answer = move |asked: &FakeRequest| {
    /// #     if asked.method() == "POST" { boxes.push("box-1"); }
    /// #     Some(FakeAnswer::json(200, &json!(boxes)))
    /// # };
    /// # doctest::vendor(answer).misbehaving(Fault::LostAnswer("POST")).run(async |api| {
    /// # let patience = Patience { pause: Duration::from_millis(1), limit: Duration::from_secs(20) };
    /// let create = async { api.post(["boxes"]).fetch().await };
    /// let look = || async {
    ///     let boxes: Vec<String> = api.get(["boxes"]).fetch().await?;
    ///     Ok(boxes.into_iter().next().map(|id| vec![id]))
    /// };
    /// // The answer to the POST is lost, and what it made is found.
    /// let made: Vec<String> = api.once(patience, create, look).await?;
    /// assert_eq!(made, ["box-1"]);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Those of `create`.
    pub async fn once<T, F>(
        self,
        patience: Patience,
        create: impl Future<Output = Result<T, ProviderError>>,
        look: impl Fn() -> F,
    ) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<Option<T>, ProviderError>>,
    {
        match create.await {
            Err(error) if error.effect() == Effect::Unknown => {
                let found = self.until(patience, "what came of it is not listed", look);
                found.await.map_err(|_| error)
            }
            created => created,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::Mark;
    use crate::http::Answer;

    const PATIENCE: Patience = Patience {
        pause: Duration::from_secs(1),
        limit: Duration::from_secs(10),
    };

    /// The first look, of one each second, that finds something; with the whole time that it took.
    async fn found_at(look: u32, left: Option<Duration>) -> (Answer<u32>, Duration) {
        let vendor = VendorHttp::new("http://localhost".parse().unwrap());
        let http = crate::http::client_builder().build().unwrap();
        let cx = Context::new(Mark::new(&"dev".parse().unwrap()), http);
        let cx = left.map_or_else(|| cx.clone(), |left| cx.within(left));
        let (looks, begun) = (AtomicU32::new(0), Instant::now());
        let found = vendor.on(&cx).until(PATIENCE, "not there yet", || async {
            match looks.fetch_add(1, Ordering::Relaxed) + 1 {
                now if now >= look => Ok(Some(now)),
                now if now % 2 == 0 => Ok(None),
                _ => Err(ProviderError::new(ErrorKind::NotFound, "")),
            }
        });
        (found.await, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_is_waited_for_until_the_time_is_over() {
        let (found, took) = found_at(1, None).await;
        assert_eq!((found.unwrap(), took), (1, Duration::ZERO));
        let (found, took) = found_at(4, None).await;
        assert_eq!((found.unwrap(), took), (4, Duration::from_secs(3)));
        let (found, took) = found_at(99, None).await;
        assert!(took < PATIENCE.limit, "{took:?}");
        let error = found.unwrap_err();
        assert!(error.to_string().ends_with("not there yet"), "{error}");
        assert!(error.is_transient());
    }

    #[tokio::test(start_paused = true)]
    async fn no_wait_outlives_the_context() {
        let (found, took) = found_at(99, Some(Duration::from_secs(3))).await;
        assert!(found.is_err() && took <= Duration::from_secs(3), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_of_a_lost_answer_is_looked_for_and_nothing_is_repeated() {
        let vendor = VendorHttp::new("http://localhost".parse().unwrap());
        let http = crate::http::client_builder().build().unwrap();
        let cx = Context::new(Mark::new(&"dev".parse().unwrap()), http);
        let create = |kind| async move { Err(ProviderError::new(kind, "first")) };
        let come = async |kind, found: Option<u8>| {
            let look = || async move { Ok(found) };
            vendor.on(&cx).once(PATIENCE, create(kind), look).await
        };
        assert_eq!(come(ErrorKind::Unavailable, Some(7)).await.unwrap(), 7);
        for (kind, found) in [
            (ErrorKind::Unavailable, None),
            (ErrorKind::Conflict, Some(7)),
        ] {
            let error = come(kind, found).await.unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().ends_with("first"), "{error}");
        }
    }
}
