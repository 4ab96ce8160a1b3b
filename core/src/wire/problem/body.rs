use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, ProblemCode};
use crate::http::retry_after::whole_seconds;
use crate::{Effect, Price, safe_line};

/// The error of a failed request.
///
/// ```
/// # use {serde_json::json, std::time::Duration};
/// use agent_pool_core::wire::problem::{Problem, ProblemCode};
///
/// let problem = Problem::new(ProblemCode::NoIdleInstance, "none is idle: try again in a minute")
///     .with_retry_after(Duration::from_secs(60));
/// assert_eq!(serde_json::to_value(&problem)?, json!({
///     "type": "about:blank", "title": "Service Unavailable", "status": 503,
///     "code": "no_idle_instance", "detail": "none is idle: try again in a minute",
///     "error": "none is idle: try again in a minute", "retryAfter": 60,
/// }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// A stable identifier for programs, such as `no_idle_instance`.
    pub code: ProblemCode,
    /// The same as `detail`, for older clients.
    pub error: String,
    /// The member of the request that is wrong, such as `tools[0]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The id of the provider that failed, such as `agentmail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The trace that the request belongs to: the logs of both services and an OpenTelemetry collector name it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// When to try again: whole seconds, at least 1, in the body as in the header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    #[schemars(with = "Option<u64>")]
    pub retry_after: Option<Duration>,
    /// Prices of resources that the failed request created and gave up again, by provider id; free ones are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, Price>,
}

impl Problem {
    /// Maximum length of the detail, in characters.
    const DETAIL_LIMIT: usize = 4_000;

    /// A problem with the status of its code. `detail` may contain foreign text.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        let detail = safe_line(&detail.into(), Self::DETAIL_LIMIT).into_owned();
        let status = code.status();
        Self {
            kind: "about:blank".to_owned(),
            title: title(status).to_owned(),
            status,
            error: detail.clone(),
            detail,
            code,
            field: None,
            provider: None,
            trace_id: None,
            retry_after: None,
            prices: BTreeMap::new(),
        }
    }

    /// The same problem with another status than that of its code.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self {
            title: title(status).to_owned(),
            status,
            ..self
        }
    }

    /// The same problem with another detail.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        let detail = safe_line(&detail.into(), Self::DETAIL_LIMIT).into_owned();
        Self {
            error: detail.clone(),
            detail,
            ..self
        }
    }

    /// Sets the member of the request that is wrong.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Sets the provider that failed.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Sets the prices of resources that were created in vain.
    #[must_use]
    pub fn with_prices(self, prices: BTreeMap<String, Price>) -> Self {
        Self { prices, ..self }
    }

    /// Sets when to try again.
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Who is at fault. If the code is unknown, a 409 is about the instance's state, any other 4xx about the request.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self.status {
            _ if self.code.is_known() => self.code.fault(),
            409 => Fault::Instance,
            400..=499 => Fault::Request,
            _ => Fault::Ours,
        }
    }

    /// Whether the request may have had an effect anyway. If the code is unknown, a 4xx is a refusal; any other
    /// status, and a request that timed out, may leave the operation half done.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        match self.status {
            _ if self.code.is_known() => self.code.effect(),
            408 => Effect::Unknown,
            400..=499 => Effect::NotDone,
            _ => Effect::Unknown,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

/// The reason phrase of RFC 9110. The crate `http` has it in all cases but two.
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

/// A wait in whole seconds.
mod seconds {
    use super::{Deserialize, Duration, whole_seconds};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: serde::Serializer>(
        wait: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match wait {
            Some(wait) => serializer.serialize_u64(whole_seconds(*wait)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<u64>::deserialize(deserializer)?;
        Ok(seconds.map(Duration::from_secs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_members_of_rfc_9457_and_those_that_clients_read() {
        let problem = Problem::new(ProblemCode::UnknownInstance, "no instance x")
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
    fn the_wait_is_in_the_body_in_whole_seconds() {
        let problem = Problem::new(ProblemCode::InstanceBusy, "x")
            .with_retry_after(Duration::from_millis(1_001));
        let body = serde_json::to_value(&problem).unwrap();
        assert_eq!(body["retryAfter"], 2);
        let read: Problem = serde_json::from_value(body).unwrap();
        assert_eq!(read.retry_after, Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_detail_is_one_line_and_bounded() {
        let problem = Problem::new(ProblemCode::ClaimFailed, "a\nb\0".to_owned());
        assert_eq!(
            (problem.detail.as_str(), problem.error.as_str()),
            ("a b\u{fffd}", "a b\u{fffd}")
        );
        let long = problem.with_detail("x".repeat(9_999));
        assert_eq!(long.detail.chars().count(), Problem::DETAIL_LIMIT + 1);
    }

    #[test]
    fn another_status_or_detail_leaves_the_rest() {
        let problem = Problem::new(ProblemCode::DestroyIncomplete, "x").with_provider("acme");
        let other = problem.with_status(502).with_detail("y");
        assert_eq!(other.to_string(), "502 destroy_incomplete: y");
        assert_eq!(
            (other.title.as_str(), other.error.as_str()),
            ("Bad Gateway", "y")
        );
        assert_eq!(other.provider.as_deref(), Some("acme"));
    }

    #[test]
    fn only_a_4xx_without_a_known_code_surely_had_no_effect() {
        let unknown = |status| Problem::new(ProblemCode::from("x"), "x").with_status(status);
        for status in [400, 401, 404, 409, 422, 429] {
            assert_eq!(unknown(status).effect(), Effect::NotDone, "{status}");
        }
        for status in [302, 408, 500, 502, 503, 504] {
            assert_eq!(unknown(status).effect(), Effect::Unknown, "{status}");
        }
        let known = Problem::new(ProblemCode::DatabaseUnavailable, "x");
        assert_eq!(known.effect(), Effect::NotDone);
    }

    #[test]
    fn the_status_tells_whose_fault_a_problem_of_another_version_is() {
        for (status, fault) in [
            (400, Fault::Request),
            (404, Fault::Request),
            (409, Fault::Instance),
            (500, Fault::Ours),
        ] {
            let problem = Problem::new(ProblemCode::from("x"), "x").with_status(status);
            assert_eq!(problem.fault(), fault, "{status}");
        }
        let known = Problem::new(ProblemCode::VendorRefused, "x");
        assert_eq!(known.fault(), Fault::Provider);
    }

    #[test]
    fn the_title_is_the_phrase_of_its_status() {
        for (status, expected) in [
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
            assert_eq!(title(status), expected);
        }
    }
}
