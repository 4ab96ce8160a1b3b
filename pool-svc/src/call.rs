//! One HTTP call to Services or to a runtime, and what is known after it failed.

use std::time::Duration;

use agent_pool_core::Effect;
use agent_pool_core::wire::problem::Problem;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// Why a call failed. No variant holds a URL, a header or a body that was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("cannot be connected to")]
    NotSent(#[source] reqwest::Error),
    #[error("did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("broke off before it answered")]
    Lost(#[source] reqwest::Error),
    #[error("answered {status} {code}: {detail}")]
    Refused {
        status: u16,
        code: String,
        detail: String,
    },
    #[error("answered something else than it should: {0}")]
    Garbled(String),
}

impl CallError {
    /// Whether the call may have had an effect. Unknown counts as done, so a 5xx does: it may come
    /// from half-way.
    pub(crate) const fn effect(&self) -> Effect {
        match self {
            Self::NotSent(_) => Effect::NotDone,
            Self::Refused { status, .. } if *status >= 400 && *status < 500 && *status != 408 => {
                Effect::NotDone
            }
            Self::TimedOut(_) | Self::Lost(_) | Self::Refused { .. } | Self::Garbled(_) => {
                Effect::Unknown
            }
        }
    }

    /// Whether it was refused with this status and code.
    pub(crate) fn is(&self, wanted: u16, word: &str) -> bool {
        matches!(self, Self::Refused { status, code, .. } if *status == wanted && code == word)
    }
}

/// A call that failed, and what its answer said besides why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: CallError,
    /// The member of the request that is wrong.
    pub(crate) field: Option<String>,
    /// The provider that failed.
    pub(crate) provider: Option<String>,
    /// How long to wait before the next try.
    pub(crate) retry_after: Option<Duration>,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self {
            error,
            field: None,
            provider: None,
            retry_after: None,
        }
    }
}

/// Largest answer that is read: a status batch of ten thousand instances is a tenth of it.
const LARGEST: usize = 32 * 1024 * 1024;
/// How much of an error's text is passed on, in characters.
const DETAIL: usize = 300;

/// Sends a request and reads its answer, all within `limit`.
pub(crate) async fn send<T: DeserializeOwned>(
    request: RequestBuilder,
    limit: Duration,
) -> Result<T, CallError> {
    let answer = send_noting(request, limit).await;
    answer.map_err(|failure| failure.error)
}

/// The same, for who does something with all that a refusal says.
pub(crate) async fn send_noting<T: DeserializeOwned>(
    request: RequestBuilder,
    limit: Duration,
) -> Result<T, Failure> {
    let call = async {
        let response = request.send().await.map_err(unsent_or_lost)?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let body = read(response).await?;
        if status.is_success() {
            let garbled = |error: serde_json::Error| CallError::Garbled(error.to_string());
            return Ok(serde_json::from_slice(&body).map_err(garbled)?);
        }
        let problem = serde_json::from_slice::<Problem>(&body);
        let (field, provider) = problem
            .map(|problem| (problem.field, problem.provider))
            .unwrap_or_default();
        Err(Failure {
            error: refused(status.as_u16(), &body),
            field,
            provider,
            retry_after,
        })
    };
    timeout(limit, call)
        .await
        .unwrap_or_else(|_| Err(CallError::TimedOut(limit).into()))
}

/// In whole seconds, as Services sends it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The client behind every call: kept-alive connections, no redirects, which would carry the key
/// elsewhere.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    agent_pool_core::http::bare_builder()
        .connect_timeout(Duration::from_secs(3))
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .user_agent(concat!("pool-svc/", env!("CARGO_PKG_VERSION")))
        .build()
}

fn unsent_or_lost(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        CallError::NotSent(error)
    } else {
        CallError::Lost(error)
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    let lost = |error: reqwest::Error| CallError::Lost(error.without_url());
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(CallError::Garbled(format!("more than {LARGEST} bytes")));
        }
    }
    Ok(body)
}

/// What the answer says of itself, where it is a [`Problem`] or has at least an `error`.
fn refused(status: u16, body: &[u8]) -> CallError {
    let (code, detail) = match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => (problem.code, problem.detail),
        Err(_) => {
            let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            let detail = body["error"].as_str().unwrap_or("without saying why");
            ("without_code".to_owned(), detail.to_owned())
        }
    };
    CallError::Refused {
        status,
        code,
        detail: detail.chars().take(DETAIL).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_surely_had_no_effect_says_so() {
        let refused = |status| refused(status, b"").effect();
        for status in [400, 401, 404, 409, 422, 429] {
            assert_eq!(refused(status), Effect::NotDone, "{status}");
        }
        for status in [302, 408, 500, 502, 503, 504] {
            assert_eq!(refused(status), Effect::Unknown, "{status}");
        }
        assert_eq!(
            CallError::TimedOut(Duration::ZERO).effect(),
            Effect::Unknown
        );
        assert_eq!(CallError::Garbled(String::new()).effect(), Effect::Unknown);
    }

    #[tokio::test]
    async fn a_refusal_says_which_member_is_wrong_who_failed_and_when_to_try_again() {
        let answer = || async {
            let problem = Problem::new(503, "vendor_rate_limited", "x")
                .with_field("tools[0]")
                .with_provider("acme");
            let reply = warp::reply::json(&problem);
            let reply = warp::reply::with_header(reply, RETRY_AFTER, "17");
            let status = warp::http::StatusCode::SERVICE_UNAVAILABLE;
            warp::reply::with_status(reply, status)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = warp::serve(warp::Filter::then(warp::any(), answer)).incoming(listener);
        tokio::spawn(server.run());
        let request = client().unwrap().get(url);
        let answer = send_noting::<Problem>(request, Duration::from_secs(20)).await;
        let failure = answer.unwrap_err();
        assert!(failure.error.is(503, "vendor_rate_limited"));
        assert_eq!(failure.field.as_deref(), Some("tools[0]"));
        assert_eq!(failure.provider.as_deref(), Some("acme"));
        assert_eq!(failure.retry_after, Some(Duration::from_secs(17)));
    }

    #[test]
    fn an_error_says_what_the_answer_said() {
        let problem = serde_json::to_vec(&Problem::new(404, "unknown_instance", "no x")).unwrap();
        let error = refused(404, &problem);
        assert!(error.is(404, "unknown_instance"));
        assert_eq!(error.to_string(), "answered 404 unknown_instance: no x");
        let plain = refused(500, br#"{"error":"Gateway not ready yet"}"#).to_string();
        assert_eq!(plain, "answered 500 without_code: Gateway not ready yet");
        assert!(
            refused(502, b"<html>")
                .to_string()
                .ends_with("without saying why")
        );
        let long = serde_json::to_vec(&Problem::new(500, "x", "y".repeat(9_999))).unwrap();
        assert!(refused(500, &long).to_string().len() < 400);
    }
}
