//! One filter from a table of routes.

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// The first of `routes` that takes the request.
///
/// A route is boxed at its path and at its end, because a chain of generic filters would grow the types,
/// and the time to compile them, with each step and each route.
///
/// # Panics
/// If there are no routes.
pub fn any_of(
    routes: impl IntoIterator<Item = BoxedFilter<(Response,)>>,
) -> BoxedFilter<(Response,)> {
    let joined = routes
        .into_iter()
        .reduce(|all, one| all.or(one).unify().boxed());
    joined.expect("a table has rows")
}
