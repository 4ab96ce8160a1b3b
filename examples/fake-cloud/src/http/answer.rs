//! An answer before it is sent.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::Value;

/// Status, headers and body of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Why the vendor does not know the request; recorded if set.
    pub(crate) stray: Option<String>,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Nothing,
    Json(Value),
    Text(&'static str, String),
}

impl Answer {
    /// A JSON body.
    pub(crate) fn json(status: StatusCode, body: Value) -> Self {
        Self::new(status, Content::Json(body))
    }

    /// A JSON body with 200.
    pub(crate) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// No body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::new(status, Content::Nothing)
    }

    /// Text with a media type, such as HTML.
    pub(crate) fn text(status: StatusCode, media: &'static str, body: impl Into<String>) -> Self {
        Self::new(status, Content::Text(media, body.into()))
    }

    fn new(status: StatusCode, content: Content) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            stray: None,
            content,
        }
    }

    /// Adds a header, unless its value is not valid in HTTP.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Records the request as one that the vendor does not know.
    pub(crate) fn for_stray(mut self, why: impl Into<String>) -> Self {
        self.stray = Some(why.into());
        self
    }

    /// The JSON body, if any.
    pub(crate) const fn body(&self) -> Option<&Value> {
        match &self.content {
            Content::Json(body) => Some(body),
            Content::Nothing | Content::Text(..) => None,
        }
    }

    /// The JSON body, to be changed, if any.
    pub(crate) const fn body_mut(&mut self) -> Option<&mut Value> {
        match &mut self.content {
            Content::Json(body) => Some(body),
            Content::Nothing | Content::Text(..) => None,
        }
    }

    /// The answer as hyper's type.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let (media, bytes) = match self.content {
            Content::Nothing => (None, Bytes::new()),
            Content::Json(body) => (Some("application/json"), Bytes::from(body.to_string())),
            Content::Text(media, text) => (Some(media), Bytes::from(text)),
        };
        let mut response = Response::new(Full::new(bytes));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Some(media) = media {
            let value = HeaderValue::from_static(media);
            response.headers_mut().insert(CONTENT_TYPE, value);
        }
        response
    }
}
