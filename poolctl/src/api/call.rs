//! One request to one of the services.

use std::fmt;
use std::time::Duration;

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{Secret, chain};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use url::Url;

/// How long a connection may take to make.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Why a request has no answer to go on with.
#[derive(Debug, Clone)]
pub(crate) enum CallError {
    /// It was not sent.
    Unreachable {
        service: &'static str,
        url: Url,
        reason: String,
    },
    /// It was sent, and its answer is lost: it may have been done.
    Broken {
        service: &'static str,
        reason: String,
    },
    /// Nothing came for that long.
    TimedOut {
        service: &'static str,
        after: Duration,
    },
    /// It was refused.
    Refused {
        service: &'static str,
        problem: Box<Problem>,
    },
    /// What came is not an answer of this API.
    Garbled {
        service: &'static str,
        url: Url,
        reason: String,
    },
}

impl CallError {
    /// Whether it was refused with this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused { problem, .. } if problem.code == code)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable {
                service,
                url,
                reason,
            } => write!(f, "{service} cannot be reached at {url}: {reason}"),
            Self::Broken { service, reason } => {
                write!(f, "the connection to {service} broke: {reason}")
            }
            Self::TimedOut { service, after } => {
                write!(f, "{service} did not answer within {} s", after.as_secs())
            }
            Self::Refused { problem, .. } => f.write_str(&problem.detail),
            Self::Garbled {
                service,
                url,
                reason,
            } => write!(
                f,
                "what answers at {url} is not understood as {service}: {reason}"
            ),
        }
    }
}

/// A service, and the key for it. `Debug` shows no key.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    service: &'static str,
    http: Client,
    base: Url,
    key: Secret,
}

impl Caller {
    /// `service` is its name for people.
    ///
    /// # Errors
    /// The machine's TLS roots cannot be loaded.
    pub(crate) fn new(service: &'static str, base: Url, key: Secret) -> Result<Self, String> {
        let http = agent_pool_core::http::bare_builder()
            .user_agent(concat!("poolctl/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| chain(&error))?;
        Ok(Self {
            service,
            http,
            base,
            key,
        })
    }

    pub(crate) const fn base(&self) -> &Url {
        &self.base
    }

    /// A request to the path of these segments.
    pub(crate) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.request_with(method, path, &[])
    }

    /// The same with a query.
    pub(crate) fn request_with(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http
            .request(method, url)
            .bearer_auth(self.key.expose())
    }

    /// Sends it, and reads the whole answer within this time.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        within: Duration,
    ) -> Result<T, CallError> {
        let response = self.open(request.timeout(within), within).await?;
        let body = response.bytes().await;
        let body = body.map_err(|error| self.failed(&error, within))?;
        serde_json::from_slice(&body).map_err(|error| self.garbled(error.to_string()))
    }

    /// Sends it, and answers as soon as a success begins.
    pub(crate) async fn open(
        &self,
        request: RequestBuilder,
        within: Duration,
    ) -> Result<Response, CallError> {
        let response = request.send().await;
        let response = response.map_err(|error| self.failed(&error, within))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let seconds = response.headers().get(RETRY_AFTER);
        let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.bytes().await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(self.refused(Problem {
                retry_after: seconds.map(Duration::from_secs),
                ..problem
            })),
            Err(_) => Err(self.garbled(format!("it answers {status}"))),
        }
    }

    pub(crate) fn refused(&self, problem: Problem) -> CallError {
        CallError::Refused {
            service: self.service,
            problem: Box::new(problem),
        }
    }

    pub(crate) fn garbled(&self, reason: String) -> CallError {
        CallError::Garbled {
            service: self.service,
            url: self.base.clone(),
            reason,
        }
    }

    /// An answer that broke off.
    pub(crate) fn broken(&self, reason: String) -> CallError {
        CallError::Broken {
            service: self.service,
            reason,
        }
    }

    fn failed(&self, error: &reqwest::Error, within: Duration) -> CallError {
        if error.is_timeout() && !error.is_connect() {
            return CallError::TimedOut {
                service: self.service,
                after: within,
            };
        }
        // The last cause is the telling one; those before it repeat the address.
        let causes = std::iter::successors(Some(error as &dyn std::error::Error), |it| it.source());
        let reason = causes.last().map(ToString::to_string).unwrap_or_default();
        if !error.is_connect() {
            return self.broken(reason);
        }
        CallError::Unreachable {
            service: self.service,
            url: self.base.clone(),
            reason,
        }
    }
}
