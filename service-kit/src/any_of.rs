//! One filter from a table of routes.

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// The first of `routes` that accepts the request.
///
/// Routes are joined as a balanced tree: in a chain, the future of the first route would be inside as many others as
/// there are routes, each boxed and polled.
///
/// # Panics
/// If there are no routes.
pub fn any_of(
    routes: impl IntoIterator<Item = BoxedFilter<(Response,)>>,
) -> BoxedFilter<(Response,)> {
    join(routes.into_iter().collect())
}

fn join(mut routes: Vec<BoxedFilter<(Response,)>>) -> BoxedFilter<(Response,)> {
    let later = routes.split_off(routes.len().div_ceil(2));
    if later.is_empty() {
        return routes.pop().expect("a table has rows");
    }
    join(routes).or(join(later)).unify().boxed()
}

#[cfg(test)]
mod tests {
    use warp::reply::Reply;

    use super::*;

    #[tokio::test]
    async fn the_first_route_that_takes_a_request_answers_it() {
        let route = |from: u8, name: &'static str| {
            let path = warp::path::param().and_then(move |given: u8| async move {
                if given >= from {
                    Ok(())
                } else {
                    Err(warp::reject())
                }
            });
            path.untuple_one().map(move || name.into_response()).boxed()
        };
        for count in 1..=5 {
            let routes = (0..count)
                .rev()
                .map(|from| route(from, ["0", "1", "2", "3", "4"][usize::from(from)]));
            let all = any_of(routes);
            for given in 0..=5_u8 {
                let path = format!("/{given}");
                let answer = warp::test::request().path(&path).reply(&all).await;
                let first = given.min(count - 1);
                assert_eq!(
                    answer.body(),
                    first.to_string().as_bytes(),
                    "{count} routes"
                );
            }
        }
    }
}
