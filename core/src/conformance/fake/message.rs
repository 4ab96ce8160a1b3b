//! The requests and responses of a fake vendor.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

/// One request to a [`FakeVendor`](super::FakeVendor).
#[derive(Debug, Clone, PartialEq)]
pub struct FakeRequest {
    method: String,
    target: String,
    path: Vec<String>,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Value,
}

impl FakeRequest {
    /// A request without headers and body. `target` is the path with its query.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let decoded = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts = path.split('/').filter(|part| !part.is_empty());
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            path: parts.map(decoded).collect(),
            query: pairs.collect(),
            headers: BTreeMap::new(),
            body: Value::Null,
        }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let name = name.to_ascii_lowercase();
        self.headers.insert(name, value.to_owned());
        self
    }

    /// The same request with `Authorization: Bearer <key>`.
    #[must_use]
    pub fn with_bearer(self, key: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {key}"))
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    /// The method, such as `GET`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The segments of the path, decoded.
    #[must_use]
    pub fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// One query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// One header; `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The key of `Authorization: Bearer <key>`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The body if it is JSON, else null.
    #[must_use]
    pub const fn body(&self) -> &Value {
        &self.body
    }

    /// One member of the body, if it is present and of this type.
    #[must_use]
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.body.get(name)?).ok()
    }

    /// Whether the request is of this operation, one of [`FakeVendor::changes`](super::FakeVendor::changes).
    pub(super) fn begins(&self, operation: &str) -> bool {
        self.to_string().starts_with(operation)
    }
}

impl std::fmt::Display for FakeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.target)
    }
}

/// The response of a [`FakeVendor`](super::FakeVendor).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeResponse {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl FakeResponse {
    /// A status with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::with_type("application/json", status, body.to_string())
    }

    /// A status without a body.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(super) fn html(status: u16, title: &str) -> Self {
        let body = format!("<html><head><title>{title}</title></head></html>");
        Self::with_type("text/html", status, body)
    }

    fn with_type(content_type: &str, status: u16, body: String) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body,
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}
