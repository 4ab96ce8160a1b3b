use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::debug;
use url::Url;

use super::client::REQUEST_LIMIT;
use super::{Api, Data, Numbered, Page, Proxies, Reply, pages};
use crate::{Effect, ErrorKind, ProviderError, Secret};

/// All but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One call of a vendor's API, being put together. Nothing is sent before the last step.
///
/// ```
/// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
/// # doctest::vendor(|asked| match (asked.method(), &asked.path()[1..]) {
/// #     ("POST", ["keys"]) => Some(FakeAnswer::json(201, &json!({ "id": "key-17" }))),
/// #     _ => Some(FakeAnswer::json(404, &json!({ "error": "no such key" }))),
/// # }).with(|vendor| { const WORDS: FaultTable = FaultTable::words(&["/error"]); vendor.fault_table(&WORDS) })
/// # .run(async |api| {
/// #[derive(Deserialize)]
/// struct Made { id: String }
///
/// let made: Made = api.post(["keys"]).json(&json!({ "name": "x" })).fetch().await?;
/// assert_eq!(made.id, "key-17");
/// // `done` wants a 2xx as `fetch` does, `send` takes what comes.
/// let error = api.delete(["keys", "key-16"]).done().await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert!(error.to_string().ends_with("answered 404: no such key"), "{error}");
/// let reply = api.delete(["keys", "key-16"]).send().await?;
/// assert_eq!(reply.status(), 404);
/// # Ok(()) });
/// ```
#[must_use = "a request does nothing until it is sent"]
pub struct VendorRequest<'a> {
    api: Api<'a>,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    /// What stands in the address and is not to be shown.
    hidden: Option<Secret>,
    /// What makes it unsendable; told when it is sent, so that a call reads as one chain.
    fault: Option<ProviderError>,
}

impl<'a> VendorRequest<'a> {
    pub(super) fn new(
        api: Api<'a>,
        method: Method,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut url = api.vendor().base().clone();
        let mut path = url.path().to_owned();
        let mut fault = None;
        for segment in segments {
            if matches!(segment, "" | "." | "..") {
                fault = Some(unsendable(format!(
                    "{segment:?} cannot be part of an address"
                )));
            }
            path.truncate(path.trim_end_matches('/').len());
            path.push('/');
            path.extend(utf8_percent_encode(segment, ENCODED));
        }
        url.set_path(&path);
        Self {
            api,
            method,
            url,
            body: None,
            hidden: None,
            fault,
        }
    }

    /// Adds `name=value` to the query.
    ///
    /// ```
    /// # use agent_pool_core::{doctest, prelude::*};
    /// # doctest::echo().run(async |api| {
    /// let got: Value = api.get(["search"]).query("q", "a&b c").query("page", 2).fetch().await?;
    /// assert_eq!(got["asked"], "GET /v1/search?q=a%26b+c&page=2");
    /// # Ok(()) });
    /// ```
    pub fn query(self, name: &str, value: impl ToString) -> Self {
        self.query_each(name, [value])
    }

    /// Adds `name=value` for each value; an `Option` adds one or nothing.
    ///
    /// ```
    /// # use agent_pool_core::{doctest, prelude::*};
    /// # doctest::echo().run(async |api| {
    /// let area: Option<u16> = None;
    /// let got: Value = api.get(["offers"])
    ///     .query_each("features[]", ["sms", "voice"])
    ///     .query_each("area", area)
    ///     .fetch().await?;
    /// assert_eq!(got["asked"], "GET /v1/offers?features%5B%5D=sms&features%5B%5D=voice");
    /// # Ok(()) });
    /// ```
    pub fn query_each(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = impl ToString>,
    ) -> Self {
        for value in values {
            self.url
                .query_pairs_mut()
                .append_pair(name, &value.to_string());
        }
        self
    }

    /// Keeps `secret` out of traces and errors: for a vendor whose addresses hold one.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # doctest::vendor(|asked| Some(FakeAnswer::json(404, &json!(asked.path())))).run(async |api| {
    /// // A vendor of bots, whose answer repeats what it was asked.
    /// let token = Secret::new("123:abc");
    /// let request = api.get(["bot", token.expose(), "getMe"]).hiding(&token);
    /// assert!(format!("{request:?}").contains("/v1/bot/…/getMe"), "{request:?}");
    /// let error = request.done().await.unwrap_err();
    /// assert!(!error.to_string().contains("123:abc"), "{error}");
    /// # Ok(()) });
    /// ```
    pub fn hiding(mut self, secret: &Secret) -> Self {
        self.hidden = Some(secret.clone());
        self
    }

    /// The path as it may be shown.
    fn shown_path(&self) -> String {
        let path = self.url.path();
        match self.hidden.as_ref().map(Secret::expose) {
            Some(text) if !text.is_empty() => {
                path.replace(&utf8_percent_encode(text, ENCODED).to_string(), "…")
            }
            Some(_) | None => path.to_owned(),
        }
    }

    /// Sends `body` as JSON.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body = Some(bytes),
            Err(error) => {
                self.fault = Some(unsendable("a body that is no JSON").with_source(error));
            }
        }
        self
    }

    /// Sends it and reads the answer as `T`.
    ///
    /// # Errors
    /// As [`VendorRequest::done`], and [`ErrorKind::Protocol`] naming the field where the answer is not
    /// what was expected.
    pub async fn fetch<T: DeserializeOwned>(self) -> Result<T, ProviderError> {
        self.done().await?.json()
    }

    /// Sends it and reads what is in the answer's `data`.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # doctest::vendor(|_| Some(FakeAnswer::json(200, &json!({ "data": ["key-1"] })))).run(async |api| {
    /// let keys: Vec<String> = api.get(["keys"]).data().await?; // {"data": ["key-1"]}
    /// assert_eq!(keys, ["key-1"]);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`VendorRequest::fetch`].
    pub async fn data<T: DeserializeOwned>(self) -> Result<T, ProviderError> {
        let answer: Data<T> = self.fetch().await?;
        Ok(answer.data)
    }

    /// Sends it for every page of a list whose pages are asked for by `page[number]` and `page[size]`.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::{FakeAnswer, FakeRequest}, doctest, prelude::*};
    /// # let answer = |asked: &FakeRequest| {
    /// #     let (size, page) = (asked.query("page[size]")?, asked.query("page[number]").unwrap_or("1"));
    /// #     let data = format!("page {page} of {size}");
    /// #     Some(FakeAnswer::json(200, &json!({ "data": [data], "meta": { "total_pages": 2 } })))
    /// # };
    /// # doctest::vendor(answer).run(async |api| {
    /// let all: Vec<String> = api.get(["numbers"]).numbered(50).await?;
    /// assert_eq!(all, ["page 1 of 50", "page 2 of 50"]);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`VendorRequest::pages`].
    pub async fn numbered<T: DeserializeOwned>(self, size: u32) -> Result<Vec<T>, ProviderError> {
        let request = self.query("page[size]", size);
        request.pages("page[number]", Numbered::page).await
    }

    /// Sends it for every page of a list, each but the first with `parameter` saying where it begins.
    ///
    /// `read` takes a page's answer apart; it is told where the page began, `None` for the first.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::{FakeAnswer, FakeRequest}, doctest, prelude::*};
    /// # let answer = |asked: &FakeRequest| match asked.query("after") {
    /// #     None => Some(FakeAnswer::json(200, &json!({ "keys": ["a", "b"], "next": "b" }))),
    /// #     Some(_) => Some(FakeAnswer::json(200, &json!({ "keys": ["c"], "next": null }))),
    /// # };
    /// # doctest::vendor(answer).run(async |api| {
    /// #[derive(Deserialize)]
    /// struct Keys { keys: Vec<String>, next: Option<String> }
    ///
    /// // `GET /keys`, then `GET /keys?after=b`.
    /// let read = |page: Keys, _| Page { items: page.keys, next: page.next };
    /// assert_eq!(api.get(["keys"]).pages("after", read).await?, ["a", "b", "c"]);
    /// // A vendor that has no cursor is asked where the last page began.
    /// let read = |page: Keys, at: Option<usize>| {
    ///     let (from, count) = (at.unwrap_or(0), page.keys.len());
    ///     Page { items: page.keys, next: (count == 2).then_some(from + count) }
    /// };
    /// assert_eq!(api.get(["keys"]).pages("after", read).await?.len(), 3);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`VendorRequest::fetch`] and [`pages`].
    pub async fn pages<P, T, C>(
        mut self,
        parameter: &str,
        read: impl Fn(P, Option<C>) -> Page<T, C> + Sync,
    ) -> Result<Vec<T>, ProviderError>
    where
        P: DeserializeOwned,
        C: Clone + Eq + Hash + ToString + Send,
    {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let (first, read) = (&self, &read);
        let fetch = |at: Option<C>| async move {
            let request = VendorRequest {
                api: first.api,
                method: first.method.clone(),
                url: first.url.clone(),
                body: first.body.clone(),
                hidden: first.hidden.clone(),
                fault: None,
            };
            let answer = request.query_each(parameter, at.clone()).fetch().await?;
            Ok(read(answer, at))
        };
        pages(fetch).await
    }

    /// Sends it and wants a 2xx status.
    ///
    /// # Errors
    /// As [`VendorRequest::send`], and what another status means.
    pub async fn done(self) -> Result<Reply, ProviderError> {
        let (vendor, hidden) = (self.api.vendor(), self.hidden.clone());
        vendor.check_hiding(self.send().await?, hidden.as_ref())
    }

    /// Sends it and answers the reply whatever its status: for vendors whose status says little.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] without a whole reply, with [`Effect::NotDone`] where nothing was sent.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection; the vendor may have acted.
    pub async fn send(self) -> Result<Reply, ProviderError> {
        let cx = self.api.cx();
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let limit = cx.remaining().unwrap_or(REQUEST_LIMIT).min(REQUEST_LIMIT);
        if limit.is_zero() {
            let error = ProviderError::new(ErrorKind::Unavailable, "no time was left to ask");
            return Err(error.with_effect(Effect::NotDone));
        }
        let path = self.shown_path();
        let mut request = cx.http().request(self.method.clone(), self.url);
        if let Some((name, value)) = self.api.vendor().auth() {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            let json = HeaderValue::from_static("application/json");
            request = request.header(CONTENT_TYPE, json).body(body);
        }
        let started = Instant::now();
        let sent = request.timeout(limit).send().await.map_err(unanswered)?;
        let reply = Reply::read(sent).await?;
        debug!(
            http.method = %self.method,
            http.path = path,
            http.status = reply.status(),
            elapsed_ms = started.elapsed().as_millis(),
            "vendor answered {}",
            reply.status()
        );
        Ok(reply)
    }
}

/// Without the query and the body, which may hold secrets.
impl fmt::Debug for VendorRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorRequest")
            .field("method", &self.method)
            .field("path", &self.shown_path())
            .finish_non_exhaustive()
    }
}

fn unsendable(message: impl Into<Cow<'static, str>>) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, message)
}

/// What it means that a request got no whole answer.
pub(super) fn unanswered(error: reqwest::Error) -> ProviderError {
    let proxy = error
        .url()
        .and_then(|url| Proxies::of_process().name_for(url));
    unanswered_through(proxy.as_deref(), error)
}

fn unanswered_through(proxy: Option<&str>, error: reqwest::Error) -> ProviderError {
    let (effect, message) = if error.is_connect() {
        (Effect::NotDone, "could not be reached")
    } else if error.is_builder() {
        (Effect::NotDone, "the request could not be put together")
    } else if error.is_timeout() {
        (Effect::Unknown, "did not answer in time")
    } else {
        (
            Effect::Unknown,
            "the connection broke before the answer was there",
        )
    };
    let message = match proxy {
        Some(proxy) => format!("{message}, through the proxy {proxy}").into(),
        None => Cow::Borrowed(message),
    };
    ProviderError::new(ErrorKind::Unavailable, message)
        .with_effect(effect)
        .with_source(error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_vendor_that_is_not_reached_through_a_proxy_names_the_proxy() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", closed.local_addr().unwrap());
        drop(closed);
        let client = super::super::client().unwrap();
        let error = || async { client.get(&url).send().await.unwrap_err() };
        let direct = unanswered_through(None, error().await);
        assert_eq!(direct.effect(), Effect::NotDone);
        assert!(!direct.to_string().contains("proxy"), "{direct}");
        let error = unanswered_through(Some("http://proxy.example:3128"), error().await);
        let text = "could not be reached, through the proxy http://proxy.example:3128";
        assert!(error.to_string().ends_with(text), "{error}");
    }
}
