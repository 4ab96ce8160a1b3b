use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use super::retry_after;
use super::unanswered::unanswered;
use crate::{ErrorKind, ProviderError};

/// A vendor's complete HTTP response.
pub struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// The maximum length of a body, in bytes.
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

    /// The value of a header, if it is present and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text. It may contain secrets: do not log it.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// How long the vendor asks us to wait: by `Retry-After`, or on a 429 by the end of its rate limit's window. At
    /// most one hour.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let retry_after = self.header("retry-after").and_then(retry_after::parse);
        retry_after.or_else(|| {
            let resets = ["x-ratelimit-reset", "ratelimit-reset"];
            let reset = resets.iter().find_map(|name| self.header(name));
            retry_after::parse(reset.filter(|_| self.status == 429)?)
        })
    }

    /// The body as JSON of type `T`.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`], naming the member. It never quotes the body, which may contain a secret.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        let mut body = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut body).map_err(|error| {
            let problem = if error.inner().is_data() {
                let mismatch = describe_mismatch(&error);
                format!("answered JSON that is not as expected at {mismatch}")
            } else {
                format!("answered {} without being JSON", self.status)
            };
            ProviderError::new(ErrorKind::Protocol, problem)
        })
    }
}

/// Where and how JSON differs from what was expected, without the value that was found.
pub(super) fn describe_mismatch(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (path, text) = (error.path(), error.inner().to_string());
    let text = text.split(" at line ").next().unwrap_or_default();
    match text.split_once(", expected ") {
        Some((_, expected)) => format!("{path}: expected {expected}"),
        None if text.starts_with("missing field") => format!("{path}: {text}"),
        None => format!("{path}: an unexpected value"),
    }
}

/// Omits headers and body, which may contain secrets.
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
    struct Items {
        #[expect(dead_code, reason = "only reading it is tested")]
        data: Vec<Item>,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Item {
        #[expect(dead_code, reason = "only reading it is tested")]
        hash: u8,
    }

    fn problem(body: &str) -> String {
        let reply = Reply::sample(200, &[], body);
        let error = reply.json::<Items>().unwrap_err();
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
    fn a_value_of_the_wrong_type_is_named_and_not_quoted() {
        let problem = problem(r#"{"data": [{"hash": "sk-secret, expected nothing"}]}"#);
        assert!(problem.contains("at data[0].hash: expected "), "{problem}");
        assert!(!problem.contains("sk-secret"), "{problem}");
    }

    #[test]
    fn a_body_that_is_not_json_is_not_quoted() {
        let problem = problem("<html>sk-secret</html>");
        assert!(
            problem.ends_with("answered 200 without being JSON"),
            "{problem}"
        );
    }

    #[test]
    fn the_rate_limit_reset_is_used_only_for_a_429() {
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
