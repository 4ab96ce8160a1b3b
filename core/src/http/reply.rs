use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use super::request::unanswered;
use super::retry_after;
use crate::{ErrorKind, ProviderError};

/// A vendor's whole answer.
///
/// ```
/// # use agent_pool_core::{conformance::{Fault, RetryAfter}, doctest, prelude::*};
/// # doctest::echo().misbehaving(Fault::RateLimited(RetryAfter::Seconds(30))).run(async |api| {
/// let reply = api.get(["keys"]).send().await?;
/// assert_eq!((reply.status(), reply.header("content-type")), (429, Some("text/html")));
/// assert_eq!(reply.retry_after(), Some(Duration::from_secs(30)));
/// // The body may hold a secret: `Debug` leaves it out, and so does an error about it.
/// assert!(reply.text().contains("Slow down") && !format!("{reply:?}").contains("Slow down"));
/// let error = reply.json::<Value>().unwrap_err();
/// assert!(error.to_string().ends_with("answered 429 without being JSON"), "{error}");
/// # Ok(()) });
/// ```
pub struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// The longest body that is read, in bytes.
    pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

    pub(super) async fn read(mut response: reqwest::Response) -> Result<Self, ProviderError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > Self::BODY_LIMIT {
                return Err(ProviderError::new(
                    ErrorKind::Protocol,
                    format!("answered more than {} bytes", Self::BODY_LIMIT),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }

    #[cfg(test)]
    pub(super) fn sample(status: u16, headers: &[(&'static str, &str)], body: &str) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let name = reqwest::header::HeaderName::from_static(name);
                (name, value.parse().unwrap())
            })
            .collect();
        let body = body.as_bytes().to_vec();
        Self {
            status,
            headers,
            body,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The value of a header, where it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text. It may hold secrets: not for logs.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// How long the vendor asks us to wait, by `Retry-After` or, on a 429, the end of its rate limit's
    /// window; at most an hour.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let asked = self.header("retry-after").and_then(retry_after::parse);
        asked.or_else(|| {
            let reset = self
                .header("x-ratelimit-reset")
                .filter(|_| self.status == 429)?;
            retry_after::parse(reset)
        })
    }

    /// The body as JSON of type `T`.
    ///
    /// ```
    /// # use agent_pool_core::{conformance::FakeAnswer, doctest, prelude::*};
    /// # doctest::vendor(|_| Some(FakeAnswer::json(200, &json!({ "key": { "id": "sk-secret" } })))).run(async |api| {
    /// #[derive(Debug, Deserialize)]
    /// struct Made { key: Key }
    /// #[derive(Debug, Deserialize)]
    /// struct Key { id: u32 }
    ///
    /// let error = api.post(["keys"]).done().await?.json::<Made>().unwrap_err();
    /// assert!(error.to_string().ends_with("not as expected at key.id: expected u32"), "{error}");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`], naming the field. It never quotes the body, which may hold a secret.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        let mut body = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut body).map_err(|error| {
            let (path, inner) = (error.path().to_string(), error.inner());
            let problem = if inner.is_data() {
                format!(
                    "answered JSON that is not as expected at {path}: {}",
                    unquoted(inner)
                )
            } else {
                format!("answered {} without being JSON", self.status)
            };
            ProviderError::new(ErrorKind::Protocol, problem)
        })
    }
}

/// What serde found wrong, without the value that it found.
fn unquoted(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    match text.split_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if text.starts_with("missing field") => text.to_owned(),
        None => "an unexpected value".to_owned(),
    }
}

/// Without headers and body, which may hold secrets.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Answer {
        #[expect(dead_code, reason = "only its reading is tested")]
        data: Vec<Item>,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Item {
        #[expect(dead_code, reason = "only its reading is tested")]
        hash: u8,
    }

    fn problem(body: &str) -> String {
        let reply = Reply::sample(200, &[], body);
        let error = reply.json::<Answer>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        crate::chain(&error)
    }

    #[test]
    fn a_missing_field_is_named_with_its_path() {
        let problem = problem(r#"{"data": [{"hash": 1}, {}]}"#);
        assert!(
            problem.ends_with("at data[1]: missing field `hash`"),
            "{problem}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_form_is_named_and_not_quoted() {
        let problem = problem(r#"{"data": [{"hash": "sk-secret, expected nothing"}]}"#);
        assert!(problem.contains("at data[0].hash: expected "), "{problem}");
        assert!(!problem.contains("sk-secret"), "{problem}");
    }

    #[test]
    fn what_is_no_json_is_said_without_the_body() {
        let problem = problem("<html>sk-secret</html>");
        assert!(
            problem.ends_with("answered 200 without being JSON"),
            "{problem}"
        );
    }

    #[test]
    fn the_window_counts_only_for_a_429() {
        let wait = |status, name| Reply::sample(status, &[(name, "7")], "").retry_after();
        assert_eq!(wait(429, "x-ratelimit-reset"), Some(Duration::from_secs(7)));
        assert_eq!(wait(500, "x-ratelimit-reset"), None);
        assert_eq!(wait(503, "retry-after"), Some(Duration::from_secs(7)));
    }

    #[test]
    fn debug_shows_no_body() {
        let shown = format!(
            "{:?}",
            Reply::sample(200, &[("set-cookie", "sk-a")], "sk-b")
        );
        assert!(!shown.contains("sk-"), "{shown}");
    }
}
