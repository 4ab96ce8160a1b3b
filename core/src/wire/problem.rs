//! The error body of both services: the members of RFC 9457, with `code` and `error` besides.
//!
//! ```
//! use agent_pool_core::wire::problem::Problem;
//!
//! let problem = Problem::new(400, "invalid_field", "expected a string").with_field("tools[0]");
//! let json = serde_json::to_value(&problem).unwrap();
//! assert_eq!(json["error"], "expected a string");
//! assert_eq!(json["field"], "tools[0]");
//! ```

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

/// What a request fails with. `code` is API: it does not change.
///
/// ```
/// # use {agent_pool_core::wire::problem::Problem, serde_json::json, std::time::Duration};
/// let problem = Problem::new(503, "no_idle_instance", "none is idle: try again in a minute")
///     .with_retry_after(Duration::from_secs(60));
/// assert_eq!(serde_json::to_value(&problem)?, json!({
///     "type": "about:blank", "title": "Service Unavailable", "status": 503,
///     "code": "no_idle_instance", "detail": "none is idle: try again in a minute",
///     "error": "none is idle: try again in a minute",
/// }), "the wait is a header's");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: the meaning is in `status` and `code`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What failed, on what, and what to do.
    pub detail: String,
    /// A stable word for programs, such as `no_idle_instance`.
    pub code: String,
    /// The same as `detail`, for older clients.
    pub error: String,
    /// The member of the request that is wrong, such as `tools[0]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The id of the provider that failed, such as `agentmail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// When to try again; sent as the header `Retry-After` in whole seconds, at least 1.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem with a status, its stable code, and what to say about it.
    ///
    /// ```
    /// # use agent_pool_core::wire::problem::Problem;
    /// let problem = Problem::new(404, "unknown_instance", "no instance k3v9x0a1b2c3");
    /// assert_eq!(problem.to_string(), "404 unknown_instance: no instance k3v9x0a1b2c3");
    /// assert_eq!(problem.title, "Not Found");
    /// ```
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            kind: "about:blank".to_owned(),
            title: title(status).to_owned(),
            status,
            error: detail.clone(),
            detail,
            code: code.to_owned(),
            field: None,
            provider: None,
            retry_after: None,
        }
    }

    /// Names the member of the request that is wrong.
    ///
    /// ```
    /// # use agent_pool_core::wire::problem::Problem;
    /// let problem = Problem::new(400, "invalid_field", "expected a string").with_field("tools[0]");
    /// assert_eq!(serde_json::to_value(&problem).unwrap()["field"], "tools[0]");
    /// ```
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Names the provider that failed.
    ///
    /// ```
    /// # use agent_pool_core::wire::problem::Problem;
    /// let problem = Problem::new(502, "vendor_refused", "Acme has no more boxes").with_provider("acme");
    /// assert_eq!(serde_json::to_value(&problem)?["provider"], "acme");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// States when to try again.
    ///
    /// ```
    /// # use {agent_pool_core::wire::problem::Problem, std::time::Duration};
    /// let five = Duration::from_secs(5);
    /// let problem = Problem::new(429, "slow_down", "too many").with_retry_after(five);
    /// let body = serde_json::to_string(&problem).unwrap();
    /// let read: Problem = serde_json::from_str(&body).unwrap();
    /// assert_eq!(read.retry_after, None, "it is in a header, and not in the body");
    /// ```
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

/// The phrase of RFC 9110, which the crate `http` has in all cases but two.
fn title(status: u16) -> &'static str {
    match status {
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        _ => StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Unknown Error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_members_of_rfc_9457_and_those_that_clients_read() {
        let problem = Problem::new(404, "unknown_instance", "no instance x")
            .with_field("id")
            .with_provider("acme");
        let body = serde_json::to_value(&problem).unwrap();
        let expected = serde_json::json!({
            "type": "about:blank", "title": "Not Found", "status": 404, "detail": "no instance x",
            "code": "unknown_instance", "error": "no instance x", "field": "id",
            "provider": "acme",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn the_title_is_the_phrase_of_its_status() {
        for (status, title) in [
            (400, "Bad Request"),
            (401, "Unauthorized"),
            (405, "Method Not Allowed"),
            (408, "Request Timeout"),
            (409, "Conflict"),
            (411, "Length Required"),
            (413, "Content Too Large"),
            (415, "Unsupported Media Type"),
            (422, "Unprocessable Content"),
            (500, "Internal Server Error"),
            (501, "Not Implemented"),
            (502, "Bad Gateway"),
            (503, "Service Unavailable"),
            (504, "Gateway Timeout"),
            (599, "Unknown Error"),
        ] {
            assert_eq!(Problem::new(status, "x", "x").title, title);
        }
    }
}
