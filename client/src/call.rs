//! One request and its answer: with a deadline and a size limit, and without redirects.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use agent_pool_core::http::retry_after;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{Secret, safe_line, safe_text};
use opentelemetry::global::get_text_map_propagator;
use opentelemetry_http::HeaderInjector;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use crate::{CallError, Http};

/// Limits for the answers of an API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Largest answer, in bytes.
    pub(crate) answer: usize,
    /// Longest detail of a problem, in characters.
    pub(crate) detail: usize,
    pub(crate) texts: Texts,
}

/// How the texts of an answer are treated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Texts {
    /// They are made safe to show: our services pass on what others wrote.
    MadeSafe,
    /// Their types check them, and an invalid answer is an error.
    AsSent,
}

/// An API at one address.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) http: Http,
    /// Its name for people.
    pub(crate) service: &'static str,
    pub(crate) base: Url,
    pub(crate) key: Secret,
    pub(crate) limits: Limits,
}

impl Api {
    /// A request to the path of these segments.
    pub(crate) fn call(&self, method: Method, path: &[&str]) -> Call<'_> {
        let url = join_url(&self.base, path);
        let request = self.http.client().request(method, url);
        Call {
            api: self,
            request: request.bearer_auth(self.key.expose()),
            query: Vec::new(),
        }
    }

    pub(crate) fn get(&self, path: &[&str]) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &[&str]) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(crate) fn delete(&self, path: &[&str]) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub(crate) fn broken(&self, reason: impl AsRef<str>) -> CallError {
        CallError::Broken {
            service: self.service,
            reason: line(reason),
        }
    }

    pub(crate) fn unreadable(&self, reason: impl AsRef<str>) -> CallError {
        CallError::Unreadable {
            service: self.service,
            url: Box::new(self.base.clone()),
            reason: line(reason),
        }
    }

    /// Sanitises `problem`, whose texts come from the other side.
    pub(crate) fn refused(&self, mut problem: Problem) -> CallError {
        let line = |text: &str| safe_line(text, self.limits.detail).into_owned();
        problem.field = problem.field.as_deref().map(line);
        problem.provider = problem.provider.as_deref().map(line);
        let detail = line(&problem.detail);
        CallError::Refused {
            service: self.service,
            problem: Box::new(problem.with_detail(detail)),
        }
    }

    fn timed_out(&self, after: Duration) -> CallError {
        CallError::TimedOut {
            service: self.service,
            after,
        }
    }

    fn failed(&self, error: &reqwest::Error) -> CallError {
        let mut reason = innermost(error);
        if let Some(proxy) = self.http.proxy_name(&self.base) {
            reason = format!("through the proxy {proxy}: {reason}");
        }
        if error.is_connect() || error.is_builder() {
            CallError::Unreachable {
                service: self.service,
                url: Box::new(self.base.clone()),
                reason: line(reason),
            }
        } else {
            self.broken(reason)
        }
    }

    /// Parses an answer with an error status, which is a [`Problem`] or has at least an `error`.
    async fn refusal(&self, response: Response) -> Result<CallError, CallError> {
        let status = response.status().as_u16();
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.and_then(|value| retry_after::parse(value.to_str().ok()?));
        let body = self.read(response).await?;
        let problem = serde_json::from_slice::<Problem>(&body);
        let mut problem = problem.unwrap_or_else(|_| self.without_code(&body));
        // The status of the response counts: a proxy in between may have changed it.
        problem = problem.with_status(status);
        problem.retry_after = wait.or(problem.retry_after);
        Ok(self.refused(problem))
    }

    fn without_code(&self, body: &[u8]) -> Problem {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let detail = body["error"].as_str().unwrap_or("without a reason");
        let detail = match self.http.proxy_name(&self.base) {
            Some(proxy) => format!("{detail} (through the proxy {proxy})"),
            None => detail.to_owned(),
        };
        Problem::new(ProblemCode::WithoutCode, detail)
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, CallError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(&e))? {
            body.extend_from_slice(&chunk);
            if body.len() > self.limits.answer {
                let limit = self.limits.answer;
                return Err(self.unreadable(format!("it is larger than {limit} bytes")));
            }
        }
        Ok(body)
    }
}

/// A request that is not sent yet.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    api: &'a Api,
    request: RequestBuilder,
    query: Vec<(&'static str, String)>,
}

impl Call<'_> {
    pub(crate) fn query(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// Sends it and reads its answer, all within `limit`.
    pub(crate) async fn answer<T: DeserializeOwned>(self, limit: Duration) -> Result<T, CallError> {
        let texts = self.api.limits.texts;
        self.answer_with(texts, limit).await
    }

    /// Like [`Self::answer`], for an answer whose texts the caller makes safe.
    pub(crate) async fn answer_as_sent<T: DeserializeOwned>(
        self,
        limit: Duration,
    ) -> Result<T, CallError> {
        self.answer_with(Texts::AsSent, limit).await
    }

    async fn answer_with<T: DeserializeOwned>(
        self,
        texts: Texts,
        limit: Duration,
    ) -> Result<T, CallError> {
        let api = self.api;
        let body = self.body(limit).await?;
        parse(&body, texts).map_err(|error| api.unreadable(error.to_string()))
    }

    /// Sends it and reads its answer, all within `limit`, without parsing it.
    pub(crate) async fn body(self, limit: Duration) -> Result<Vec<u8>, CallError> {
        let api = self.api;
        let whole = async {
            let response = self.send().await?;
            api.read(response).await
        };
        timeout(limit, whole)
            .await
            .unwrap_or_else(|_| Err(api.timed_out(limit)))
    }

    /// Sends it, and checks only that it succeeds within `limit`.
    pub(crate) async fn send_without_answer(self, limit: Duration) -> Result<(), CallError> {
        self.open(limit).await.map(drop)
    }

    /// Sends it, and returns as soon as a successful response begins, within `limit`.
    pub(crate) async fn open(self, limit: Duration) -> Result<Response, CallError> {
        let api = self.api;
        timeout(limit, self.send())
            .await
            .unwrap_or_else(|_| Err(api.timed_out(limit)))
    }

    async fn send(self) -> Result<Response, CallError> {
        let failed = |error| self.api.failed(&error);
        let (client, request) = self.request.build_split();
        let mut request = request.map_err(failed)?;
        if !self.query.is_empty() {
            request.url_mut().query_pairs_mut().extend_pairs(self.query);
        }
        // The callee continues this trace.
        get_text_map_propagator(|propagator| {
            propagator.inject(&mut HeaderInjector(request.headers_mut()));
        });
        let response = client.execute(request).await.map_err(failed)?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.api.refusal(response).await?)
        }
    }
}

/// Maximum length of the reason of a failure, in characters.
const REASON: usize = 300;

/// Makes a reason safe to show, because it may quote the answer.
fn line(reason: impl AsRef<str>) -> String {
    safe_line(reason.as_ref(), REASON).into_owned()
}

/// The URL of a path below `base`, whether `base` ends with a slash or not.
fn join_url(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// The last cause is the informative one; the others repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = "the request could not be built".to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

fn parse<T: DeserializeOwned>(body: &[u8], texts: Texts) -> serde_json::Result<T> {
    match texts {
        Texts::AsSent => serde_json::from_slice(body),
        Texts::MadeSafe => {
            let mut answer: Value = serde_json::from_slice(body)?;
            make_all_safe(&mut answer);
            serde_json::from_value(answer)
        }
    }
}

/// Makes every string safe.
fn make_all_safe(value: &mut Value) {
    match value {
        Value::String(text) => make_safe(text),
        Value::Array(items) => items.iter_mut().for_each(make_all_safe),
        Value::Object(members) => members.values_mut().for_each(make_all_safe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Makes a text safe: it may have several lines, but no control characters.
pub(crate) fn make_safe(text: &mut String) {
    if let Cow::Owned(safe) = safe_text(text, usize::MAX) {
        *text = safe;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_string_of_an_answer_acts_on_a_terminal() {
        let body = br#"{"list": [{"text": "a\u001b[2J\u0000\u202eb\nc"}], "n": 1.5}"#;
        let answer: Value = parse(body, Texts::MadeSafe).unwrap();
        let text = "a\u{fffd}\u{fffd}b\nc";
        assert_eq!(answer["list"][0]["text"], text);
        assert_eq!(answer["n"], 1.5);
    }

    #[test]
    fn a_path_is_below_its_base_and_encoded() {
        for (base, url) in [
            ("http://h:1", "http://h:1/destroy/a%2Fb"),
            ("http://h:1/", "http://h:1/destroy/a%2Fb"),
            ("https://h/services/", "https://h/services/destroy/a%2Fb"),
        ] {
            let base: Url = base.parse().unwrap();
            assert_eq!(join_url(&base, &["destroy", "a/b"]).as_str(), url);
        }
    }
    proptest::proptest! {
        #[test]
        fn any_answer_is_read_or_refused(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            for texts in [Texts::AsSent, Texts::MadeSafe] {
                let _ = parse::<Value>(&body, texts);
                let _ = parse::<Problem>(&body, texts);
            }
        }

        #[test]
        fn no_text_of_an_answer_acts_on_anything(text in "(?s).{0,40}") {
            let body = serde_json::to_vec(&[&text]).unwrap();
            let safe: Vec<String> = parse(&body, Texts::MadeSafe).unwrap();
            let acts = |c| agent_pool_core::is_unsafe(c) && c != '\n' && c != '\t';
            proptest::prop_assert!(!safe[0].chars().any(acts));
        }

        #[test]
        fn a_segment_never_leaves_its_base(segment in "(?s).{0,30}") {
            let base: Url = "https://h/base/".parse().unwrap();
            let url = join_url(&base, &["a", &segment]);
            proptest::prop_assert!(url.path().starts_with("/base/"), "{}", url);
            proptest::prop_assert_eq!(url.host_str(), Some("h"));
            proptest::prop_assert_eq!(url.query(), None);
        }
    }
}
