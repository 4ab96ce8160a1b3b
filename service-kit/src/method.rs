//! The methods of routes. Unlike warp's own filters, these say on refusal what the path would take, which
//! a 405 has to name.

use std::future::ready;

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

refusal!(NotDelete, NotGet, NotPost);

/// Lets DELETE pass.
pub fn delete() -> impl Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static {
    only::<NotDelete>(Method::DELETE)
}

/// Lets GET pass.
pub fn get() -> impl Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static {
    only::<NotGet>(Method::GET)
}

/// Lets POST pass.
pub fn post() -> impl Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static {
    only::<NotPost>(Method::POST)
}

fn only<R: Reject + Default>(
    wanted: Method,
) -> impl Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static {
    warp::method()
        .and_then(move |is: Method| {
            let verdict = (is == wanted).then_some(());
            ready(verdict.ok_or_else(|| warp::reject::custom(R::default())))
        })
        .untuple_one()
}

/// The methods that the routes of a request's path would have taken; none where it has no route.
pub(crate) fn allowed(rejection: &Rejection) -> Vec<&'static str> {
    [
        rejection.find::<NotDelete>().map(|_| "DELETE"),
        rejection.find::<NotGet>().map(|_| "GET"),
        rejection.find::<NotPost>().map(|_| "POST"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
