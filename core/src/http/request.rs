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
use super::unanswered::unanswered;
use super::{Data, ListItem, Page, Reply, VendorHttp, known_items, pages};
use crate::{Context, Effect, ErrorKind, ProviderError, Secret};

/// All characters except RFC 3986's unreserved ones.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One call of a vendor's API. Nothing is sent before the last step: [`fetch`](Self::fetch),
/// [`fetch_data`](Self::fetch_data), [`fetch_pages`](Self::fetch_pages), [`execute`](Self::execute) or
/// [`send`](Self::send).
#[must_use = "a request does nothing until it is sent"]
pub struct VendorRequest<'a> {
    vendor: &'a VendorHttp,
    cx: &'a Context,
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    /// A secret in the URL, which traces and errors must not contain.
    redacted: Option<Secret>,
    /// Why the request cannot be sent. The last step returns it, so that a call reads as one chain.
    fault: Option<ProviderError>,
}

impl<'a> VendorRequest<'a> {
    pub(super) fn new(
        vendor: &'a VendorHttp,
        cx: &'a Context,
        method: Method,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut url = vendor.base().clone();
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
            vendor,
            cx,
            method,
            url,
            body: None,
            redacted: None,
            fault,
        }
    }

    /// Adds `name=value` to the query.
    pub fn query(self, name: &str, value: impl ToString) -> Self {
        self.query_each(name, [value])
    }

    /// Adds `name=value` for each value; an `Option` adds one or none.
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

    /// Keeps `secret` out of traces and errors, for a vendor whose URLs contain one.
    pub fn redact(mut self, secret: &Secret) -> Self {
        self.redacted = Some(secret.clone());
        self
    }

    /// The path without the redacted secret.
    fn shown_path(&self) -> String {
        let path = self.url.path();
        match self.redacted.as_ref().map(Secret::expose) {
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
                self.fault =
                    Some(unsendable("the body cannot be written as JSON").with_source(error));
            }
        }
        self
    }

    /// Sends it and reads the answer as `T`.
    ///
    /// # Errors
    /// As [`VendorRequest::execute`], and [`ErrorKind::Protocol`] naming the member that is not as expected.
    pub async fn fetch<T: DeserializeOwned>(self) -> Result<T, ProviderError> {
        self.execute().await?.json()
    }

    /// Sends it and reads the member `data` of the answer.
    ///
    /// # Errors
    /// As [`VendorRequest::fetch`].
    pub async fn fetch_data<T: DeserializeOwned>(self) -> Result<T, ProviderError> {
        let answer: Data<T> = self.fetch().await?;
        Ok(answer.data)
    }

    /// Sends it for every page of a list. Every request but the first has `parameter` with the cursor of the page.
    ///
    /// `read` turns the answer into a page. Its second argument is the cursor of this page, `None` for the first: a
    /// vendor that counts pages or items has its next cursor computed from it.
    ///
    /// ```
    /// # use agent_pool_core::prelude::*;
    /// #[derive(Deserialize)]
    /// struct Keys {
    ///     keys: Vec<ListItem<Key>>,
    ///     next: Option<String>,
    /// }
    /// # #[derive(Deserialize)]
    /// # struct Key {}
    ///
    /// // `GET /keys`, then `GET /keys?after=…`.
    /// async fn keys(api: Api<'_>) -> ProviderResult<Vec<Key>> {
    ///     let read = |page: Keys, _| Page { items: page.keys, next: page.next };
    ///     api.get(["keys"]).fetch_pages("after", read).await
    /// }
    ///
    /// // Without a cursor: `GET /keys`, then `GET /keys?offset=2`.
    /// async fn keys_by_offset(api: Api<'_>) -> ProviderResult<Vec<Key>> {
    ///     let read = |page: Keys, offset: Option<usize>| Page {
    ///         next: (!page.keys.is_empty()).then_some(offset.unwrap_or(0) + page.keys.len()),
    ///         items: page.keys,
    ///     };
    ///     api.get(["keys"]).fetch_pages("offset", read).await
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`VendorRequest::fetch`], [`pages`] and [`known_items`].
    pub async fn fetch_pages<P, T, C>(
        mut self,
        parameter: &str,
        read: impl Fn(P, Option<C>) -> Page<ListItem<T>, C> + Sync,
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
                vendor: first.vendor,
                cx: first.cx,
                method: first.method.clone(),
                url: first.url.clone(),
                body: first.body.clone(),
                redacted: first.redacted.clone(),
                fault: None,
            };
            let answer = request.query_each(parameter, at.clone()).fetch().await?;
            Ok(read(answer, at))
        };
        let items = pages(fetch).await?;
        known_items(self.vendor.name(), self.cx.mark(), items)
    }

    /// Sends it and requires a 2xx status.
    ///
    /// # Errors
    /// As [`VendorRequest::send`], and the error of any other status.
    pub async fn execute(self) -> Result<Reply, ProviderError> {
        let (vendor, redacted) = (self.vendor, self.redacted.clone());
        vendor.check_redacted(self.send().await?, redacted.as_ref())
    }

    /// Sends it and returns the reply with any status.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] without a complete reply; with [`Effect::NotDone`] if nothing was sent.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection; the vendor may have acted.
    pub async fn send(self) -> Result<Reply, ProviderError> {
        let cx = self.cx;
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let limit = cx.remaining().unwrap_or(REQUEST_LIMIT).min(REQUEST_LIMIT);
        if limit.is_zero() {
            let error = ProviderError::new(
                ErrorKind::Unavailable,
                "no time was left to send the request",
            );
            return Err(error.with_effect(Effect::NotDone));
        }
        let path = self.shown_path();
        let mut request = cx.http().request(self.method.clone(), self.url);
        if let Some((name, value)) = self.vendor.auth() {
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

/// Omits the query and the body, which may contain secrets.
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
