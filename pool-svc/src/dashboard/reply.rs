//! What every answer of the dashboard has in common.

use agent_pool_core::http::retry_after::whole_seconds;
use agent_pool_core::wire::problem::Problem;
use cookie::Cookie;
use maud::Markup;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use warp::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use warp::reply::{Reply, Response};

use super::page;

/// Nothing from elsewhere, nothing inline, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page. Nobody keeps a copy: it is of this moment, and of somebody who is signed in.
pub(super) fn page(status: StatusCode, markup: Markup) -> Response {
    let mut response = warp::reply::html(markup.into_string()).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    guard(headers);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page that is as it should be.
pub(super) fn ok(markup: Markup) -> Response {
    page(StatusCode::OK, markup)
}

/// The page, or what failed and what to do.
pub(super) fn page_or_problem(result: Result<Response, Problem>) -> Response {
    result.unwrap_or_else(|problem| self::problem(&problem))
}

/// What failed and what to do, as a page.
pub(super) fn problem(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = page(status, page::problem(problem));
    if let Some(wait) = problem.retry_after {
        let seconds = whole_seconds(wait);
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// Goes on with a GET of `path`, which is one of ours.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    guard(headers);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let path = HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(LOCATION, path);
    response
}

/// The same with a cookie, which goes over TLS alone where the request came over it.
pub(super) fn see_other_with(path: &str, mut cookie: Cookie<'_>, request: &HeaderMap) -> Response {
    let proxied = request.get("x-forwarded-proto");
    cookie.set_secure(proxied.is_some_and(|scheme| scheme == "https"));
    let mut response = see_other(path);
    if let Ok(cookie) = HeaderValue::try_from(cookie.encoded().to_string()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// A file of ours, which is the same for everybody.
pub(super) fn file(kind: &'static str, cache: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    guard(headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn guard(headers: &mut HeaderMap) {
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
