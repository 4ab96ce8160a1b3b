//! The key that only the pool and this instance know.

use std::sync::Arc;

use agent_pool_core::Secret;
use warp::http::HeaderMap;
use warp::http::header::AUTHORIZATION;
use warp::{Filter, Rejection};

use crate::runtime::Runtime;

/// The request has no key, or a wrong one.
#[derive(Debug)]
pub(crate) struct Unauthorized;

impl warp::reject::Reject for Unauthorized {}

/// Accepts requests with one of the instance's keys.
pub(crate) fn key(
    runtime: &Arc<Runtime>,
) -> impl Filter<Extract = (), Error = Rejection> + Clone + use<> {
    let runtime = Arc::clone(runtime);
    warp::header::headers_cloned()
        .and_then(move |headers: HeaderMap| {
            let known = shown(&headers).is_some_and(|key| runtime.knows(&key));
            std::future::ready(
                known
                    .then_some(())
                    .ok_or_else(|| warp::reject::custom(Unauthorized)),
            )
        })
        .untuple_one()
}

fn shown(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Secret::new(key.trim()))
}
