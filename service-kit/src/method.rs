//! The methods of routes. Unlike warp's own filters, these record which methods the path accepts, because a 405 must
//! name them.

use std::future::ready;

use warp::filters::BoxedFilter;
use warp::http::Method;
use warp::reject::Reject;
use warp::{Filter, Rejection};

/// Rejections, one type for each method, because warp finds them by type.
macro_rules! refusal {
    ($($name:ident),*) => {$(
        #[derive(Debug, Default)]
        struct $name;
        impl Reject for $name {}
    )*};
}

refusal!(NotDelete, NotGet, NotPatch, NotPost, NotPut);

/// Accepts DELETE.
pub fn delete() -> BoxedFilter<()> {
    only::<NotDelete>(&[Method::DELETE])
}

/// Accepts GET, and HEAD, which probes and load balancers send: the server omits the body.
pub fn get() -> BoxedFilter<()> {
    only::<NotGet>(&[Method::GET, Method::HEAD])
}

/// Accepts PATCH.
pub fn patch() -> BoxedFilter<()> {
    only::<NotPatch>(&[Method::PATCH])
}

/// Accepts PUT.
pub fn put() -> BoxedFilter<()> {
    only::<NotPut>(&[Method::PUT])
}

/// Accepts POST.
pub fn post() -> BoxedFilter<()> {
    only::<NotPost>(&[Method::POST])
}

fn only<R: Reject + Default>(methods: &'static [Method]) -> BoxedFilter<()> {
    warp::method()
        .and_then(move |method: Method| {
            let verdict = methods.contains(&method).then_some(());
            ready(verdict.ok_or_else(|| warp::reject::custom(R::default())))
        })
        .untuple_one()
        .boxed()
}

/// The methods that the routes of a request's path accept; none if it has no route.
pub(crate) fn allowed(rejection: &Rejection) -> Vec<&'static str> {
    [
        rejection.find::<NotDelete>().map(|_| "DELETE"),
        rejection.find::<NotGet>().map(|_| "GET, HEAD"),
        rejection.find::<NotPatch>().map(|_| "PATCH"),
        rejection.find::<NotPost>().map(|_| "POST"),
        rejection.find::<NotPut>().map(|_| "PUT"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
