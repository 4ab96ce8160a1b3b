//! Bodies and queries as typed values. An invalid value is refused before the handler runs. The limits are in
//! `collect`.

mod collect;
mod parse;

use agent_pool_core::wire::problem::Problem;
use serde::de::DeserializeOwned;
use warp::Filter;
use warp::filters::BoxedFilter;

use self::collect::Limits;
use crate::problem::reject;

/// The body as a JSON object, whatever its content type says.
///
/// Answers 413 `body_too_large` above 256 KiB, 408 `body_timeout` if it does not arrive, 400 `malformed_json`, and 400
/// `invalid_field` naming the field, or the body if it is not an object.
pub fn json<T: DeserializeOwned + Send + 'static>() -> BoxedFilter<(T,)> {
    bytes()
        .and_then(|body: Vec<u8>| async move { parse::json(&body).map_err(reject) })
        .boxed()
}

/// Like [`json`]; an empty body means the default.
pub fn json_or_default<T: DeserializeOwned + Default + Send + 'static>() -> BoxedFilter<(T,)> {
    bytes()
        .and_then(|body: Vec<u8>| async move {
            if body.trim_ascii().is_empty() {
                return Ok(T::default());
            }
            parse::json(&body).map_err(reject)
        })
        .boxed()
}

/// The query as a struct of its parameters; no query counts as an empty one.
///
/// Answers 400 `invalid_field` naming the parameter.
pub fn query<T: DeserializeOwned + Send + 'static>() -> BoxedFilter<(T,)> {
    raw_query()
        .and_then(|query: String| async move { parse::query(&query).map_err(reject) })
        .boxed()
}

fn raw_query() -> BoxedFilter<(String,)> {
    warp::query::raw()
        .or(warp::any().map(String::new))
        .unify()
        .boxed()
}

/// The body of an HTML form, for [`parse_form`]. Answers 413 `body_too_large` above 256 KiB, 408 `body_timeout` if it
/// does not arrive.
pub fn form() -> BoxedFilter<(Vec<u8>,)> {
    bytes()
}

/// A body of a request whose sender is not known yet, for [`parse_json`] or [`parse_form`]: at most 16 KiB.
///
/// Answers 413 `body_too_large` above that, 408 `body_timeout` if it does not arrive.
pub fn unverified() -> BoxedFilter<(Vec<u8>,)> {
    warp::body::stream()
        .and_then(|stream| async move {
            collect::collect(stream, Limits::UNVERIFIED)
                .await
                .map_err(reject)
        })
        .boxed()
}

/// A JSON object as a struct.
///
/// # Errors
/// 400 `malformed_json`, and 400 `invalid_field`, which names the field that is wrong.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    parse::json(body)
}

/// The fields of a [`form`] as a struct.
///
/// # Errors
/// 400 `invalid_field`, which names the field that is wrong.
pub fn parse_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    parse::form(body)
}

fn bytes() -> BoxedFilter<(Vec<u8>,)> {
    warp::body::stream()
        .and_then(|stream| async move {
            collect::collect(stream, Limits::VERIFIED)
                .await
                .map_err(reject)
        })
        .boxed()
}
