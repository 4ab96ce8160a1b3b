//! Responses of the dashboard and their security headers.

use cookie::Cookie;
use maud::Markup;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use warp::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use warp::reply::{Reply, Response};

/// Allows nothing from other sites, nothing inline and no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page. It must not be cached: it is private and changes often.
pub(super) fn page(status: StatusCode, markup: Markup) -> Response {
    let mut response = warp::reply::html(markup.into_string()).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    security_headers(headers);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page with status 200.
pub(super) fn ok(markup: Markup) -> Response {
    page(StatusCode::OK, markup)
}

/// Redirects to `path`, a path of this site.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    security_headers(headers);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let path = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(LOCATION, path);
    response
}

/// Redirects and sets a cookie.
pub(super) fn see_other_with_cookie(path: &str, cookie: &Cookie<'_>) -> Response {
    let mut response = see_other(path);
    if let Ok(cookie) = HeaderValue::try_from(cookie.encoded().to_string()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// A static file.
pub(super) fn file(kind: &'static str, cache: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    security_headers(headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn security_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
