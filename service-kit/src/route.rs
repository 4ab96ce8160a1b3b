//! The steps of a route: its path, what else it takes from the request, and its handler.
//!
//! warp's own combinators make a type for each step, with the types of all steps before it inside, which differ for each
//! route. Most of the time to compile a service went into them. Here each step is boxed, and its types depend only on the
//! values that the route has so far, so that routes share them.

use std::fmt::Display;
use std::future::ready;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::path::Tail;
use warp::reply::Response;
use warp::{Filter, Rejection};

use crate::http_server::parameters_of;
use crate::problem::MalformedPath;

type BoxedResponse = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The filter of a path such as `instances/:id/tools/:tool`, relative to the prefix that precedes it. Its values are the
/// segments of the request whose names begin with `:`.
///
/// # Panics
/// If `template` has another number of parameters than `Values`.
pub fn at<Values: Parameters>(template: &'static str) -> Values::Filter {
    let parameters = template.split('/').filter(|name| name.starts_with(':'));
    assert_eq!(
        parameters.count(),
        Values::COUNT,
        "parameters of {template}"
    );
    Values::parse(segments(template))
}

fn segments(template: &'static str) -> BoxedFilter<(Vec<String>,)> {
    warp::path::tail()
        .and_then(move |path: Tail| {
            let values = parameters_of(template, path.as_str());
            let values = values.map(|values| values.into_iter().map(str::to_owned).collect());
            ready(values.ok_or_else(warp::reject::not_found))
        })
        .boxed()
}

/// The values of a path, up to three.
pub trait Parameters: Sized {
    /// How many values there are.
    const COUNT: usize;
    /// The filter that extracts them.
    type Filter;

    /// Parses segments. If one is malformed, the path does not exist, and the answer says why.
    fn parse(segments: BoxedFilter<(Vec<String>,)>) -> Self::Filter;
}

macro_rules! parameters {
    ($count:literal $(, $value:ident: $Value:ident)*) => {
        impl<$($Value: FromStr<Err: Display> + Send + 'static),*> Parameters for ($($Value,)*) {
            const COUNT: usize = $count;
            type Filter = BoxedFilter<Self>;

            fn parse(segments: BoxedFilter<(Vec<String>,)>) -> Self::Filter {
                let parse = |segments: Vec<String>| -> Result<Self, Rejection> {
                    let values = <[String; $count]>::try_from(segments);
                    let [$($value),*] = values.map_err(|_| warp::reject::not_found())?;
                    Ok(($($value.parse::<$Value>().map_err(malformed)?,)*))
                };
                segments
                    .and_then(move |segments| ready(parse(segments)))
                    .untuple_one()
                    .boxed()
            }
        }
    };
}

fn malformed(error: impl Display) -> Rejection {
    warp::reject::custom(MalformedPath(error.to_string()))
}

parameters!(0);
parameters!(1, a: A);
parameters!(2, a: A, b: B);
parameters!(3, a: A, b: B, c: C);

/// A route that takes further values from the request.
pub trait Take<Next> {
    /// The filter with the values of both.
    type Both;

    /// Applies `next` after the steps so far: a method, a key, a body.
    #[must_use]
    fn take(self, next: Next) -> Self::Both;
}

macro_rules! take {
    ([$($Value:ident),*] [$($Next:ident),*]) => {
        impl<$($Value,)* $($Next,)*> Take<BoxedFilter<($($Next,)*)>> for BoxedFilter<($($Value,)*)>
        where
            $($Value: Send + 'static,)*
            $($Next: Send + 'static,)*
        {
            type Both = BoxedFilter<($($Value,)* $($Next,)*)>;

            fn take(self, next: BoxedFilter<($($Next,)*)>) -> Self::Both {
                self.and(next).boxed()
            }
        }
    };
}

take!([] []);
take!([][A]);
take!([] [A, B]);
take!([A] []);
take!([A][B]);
take!([A] [B, C]);
take!([A, B] []);
take!([A, B][C]);
take!([A, B] [C, D]);
take!([A, B, C] []);
take!([A, B, C][D]);
take!([A, B, C, D][E]);

/// A filter that extracts the values that a handler takes as its first parameters.
pub trait Route<State, Handler, Outcome> {
    /// Passes the values and then `state` to `handler`, and converts its result to a response.
    ///
    /// The state is no value of the filter, because the compiler proves for each combination of values and at each step
    /// that they may go to another thread. That takes milliseconds for a state that holds HTTP clients and a database pool.
    fn answered_by(
        self,
        state: &State,
        handler: Handler,
        respond: fn(Outcome) -> Response,
    ) -> BoxedFilter<(Response,)>;
}

macro_rules! route {
    ($($value:ident: $Value:ident),*) => {
        impl<$($Value,)* State, Handler, Answer, Outcome> Route<State, Handler, Outcome> for BoxedFilter<($($Value,)*)>
        where
            $($Value: Send + 'static,)*
            State: Clone + Send + Sync + 'static,
            Handler: Fn($($Value,)* State) -> Answer + Send + Sync + 'static,
            Answer: Future<Output = Outcome> + Send + 'static,
            Outcome: 'static,
        {
            fn answered_by(
                self,
                state: &State,
                handler: Handler,
                respond: fn(Outcome) -> Response,
            ) -> BoxedFilter<(Response,)> {
                fn share<$($Value: Send + 'static),*>(
                    route: BoxedFilter<($($Value,)*)>,
                    handler: Arc<dyn Fn($($Value),*) -> BoxedResponse + Send + Sync>,
                ) -> BoxedFilter<(Response,)> {
                    route.then(move |$($value),*| handler($($value),*)).boxed()
                }
                let state = state.clone();
                share(self, Arc::new(move |$($value),*| {
                    let answer = handler($($value,)* state.clone());
                    Box::pin(async move { respond(answer.await) })
                }))
            }
        }
    };
}

route!();
route!(a: A);
route!(a: A, b: B);
route!(a: A, b: B, c: C);
route!(a: A, b: B, c: C, d: D);

#[cfg(test)]
mod tests {
    use agent_pool_core::InstanceId;
    use agent_pool_core::wire::problem::{Problem, ProblemCode};
    use warp::test::request;

    use super::*;
    use crate::problem::unrouted;

    #[tokio::test]
    async fn a_path_matches_its_template_alone() {
        let route = at::<(u8, u8)>("pools/:pool/versions/:version");
        let values = async |path: &str| request().path(path).filter(&route).await.ok();
        assert_eq!(values("/pools/1/versions/2").await, Some((1, 2)));
        assert_eq!(values("/pools/1/versions/2/").await, Some((1, 2)));
        for other in [
            "/pools/1/versions",
            "/pools/1/versions/",
            "/pools/1/versions/2//",
            "/pools/1/versions/2/3",
            "/pools//versions/2",
            "/pools/1/version/2",
            "/pools/256/versions/2",
            "/",
        ] {
            assert_eq!(values(other).await, None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_malformed_value_is_reported() {
        let route = at::<(InstanceId,)>("instances/:id").map(|id: InstanceId| id.to_string());
        let routes = route.recover(unrouted);
        let answer = request().path("/instances/cut-off").reply(&routes).await;
        let problem: Problem = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(problem.code, ProblemCode::UnknownRoute);
        let expected = r#"there is no such path: "cut-off" is not an instance id: expected"#;
        assert!(problem.detail.starts_with(expected), "{}", problem.detail);
    }

    #[tokio::test]
    async fn a_path_without_parameters_is_below_its_prefix() {
        let route = warp::path("api").and(at::<()>("pools"));
        assert!(request().path("/api/pools").matches(&route).await);
        assert!(!request().path("/pools").matches(&route).await);
        let root = at::<()>("");
        assert!(request().path("/").matches(&root).await);
        assert!(!request().path("/pools").matches(&root).await);
    }

    #[test]
    #[should_panic(expected = "parameters of pools/:pool")]
    fn a_template_has_as_many_parameters_as_values() {
        let _ = at::<()>("pools/:pool");
    }
}
