//! A complete request.

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Larger bodies are refused; no provider sends larger ones.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Why a request could not be read.
#[derive(Debug, thiserror::Error)]
#[error("request body cut off or larger than 4 MiB")]
pub(crate) struct Unreadable;

/// Method, path, query, headers and body.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Still percent-encoded, as sent.
    pub(crate) path: String,
    /// Decoded pairs, in the order of the request.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// Reads a complete request.
    pub(crate) async fn read(request: hyper::Request<Incoming>) -> Result<Self, Unreadable> {
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes());
        let body = Limited::new(body, MAX_BODY).collect().await;
        Ok(Self {
            query: query.into_owned().collect(),
            path: head.uri.path().to_owned(),
            method: head.method,
            headers: head.headers,
            body: body.map_err(|_| Unreadable)?.to_bytes(),
        })
    }

    /// The value of a header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The key of `Authorization: Bearer`. The scheme is case-sensitive.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header(AUTHORIZATION.as_str())?.strip_prefix("Bearer ")
    }

    /// The body as JSON, if it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The decoded segments of the path after `prefix`; `None` if the path does not start with it.
    pub(crate) fn segments_after(&self, prefix: &str) -> Option<Vec<String>> {
        let rest = self.path.strip_prefix(prefix)?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        Some(rest.split('/').map(decode).collect())
    }
}
