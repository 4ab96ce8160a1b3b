//! Serves the document, and a page to read it.

use std::sync::Arc;

use serde_json::Value;
use warp::http::HeaderValue;
use warp::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use crate::method::get;

/// The page is self-contained: it works without the internet, and its policy allows nothing else.
const PAGE: &str = include_str!("viewer.html");
const PAGE_POLICY: &str = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; \
     script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/openapi.json` and the page `/openapi`, both without a key, because they contain nothing that the source code does
/// not.
pub fn routes(
    document: &Value,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    let document: Arc<str> = format!("{document:#}\n").into();
    let json = warp::path!("openapi.json")
        .and(get())
        .map(move || body("application/json", String::from(&*document)));
    let page = warp::path!("openapi").and(get()).map(|| {
        let mut page = body("text/html; charset=utf-8", PAGE.to_owned());
        let policy = HeaderValue::from_static(PAGE_POLICY);
        page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        page
    });
    json.or(page).unify()
}

fn body(kind: &'static str, text: String) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
