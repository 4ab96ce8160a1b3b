//! One request, read to its end.

use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Bodies above this are refused; no vendor here takes larger ones from us.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Why a request could not be read.
#[derive(Debug, thiserror::Error)]
#[error("request body cut off or larger than 4 MiB")]
pub(crate) struct Unreadable;

/// Method, path, query, headers and whole body.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Still percent-encoded, as sent.
    pub(crate) path: String,
    /// Decoded pairs in the order sent.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// Reads the whole request.
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

    /// The text of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The key of `Authorization: Bearer`, the scheme compared as it is written.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header(AUTHORIZATION.as_str())?.strip_prefix("Bearer ")
    }

    /// The body as JSON, where it is.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The path's segments after `prefix`, decoded; `None` when the path is elsewhere.
    pub(crate) fn segments_after(&self, prefix: &str) -> Option<Vec<String>> {
        let rest = self.path.strip_prefix(prefix)?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        Some(rest.split('/').map(decode).collect())
    }
}
