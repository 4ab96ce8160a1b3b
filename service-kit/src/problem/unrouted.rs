//! Answers requests that no route accepted.

use std::convert::Infallible;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use warp::Rejection;
use warp::http::HeaderValue;
use warp::http::header::ALLOW;
use warp::reject::{MethodNotAllowed, PayloadTooLarge, Reject};
use warp::reply::Response;

use super::response;
use crate::method;

/// A problem decided before the handler: key, body or query.
#[derive(Debug)]
pub struct Rejected(pub Problem);

impl Reject for Rejected {}

/// A path that only differs from a route by a malformed value, and what is wrong with the value.
#[derive(Debug)]
pub(crate) struct MalformedPath(pub(crate) String);

impl Reject for MalformedPath {}

/// Rejects a request with a problem. Only for filters: a handler returns its problem.
#[must_use]
pub fn reject(problem: Problem) -> Rejection {
    warp::reject::custom(Rejected(problem))
}

/// The problem with which a request was rejected, if it is one of ours.
#[must_use]
pub fn problem_of(rejection: &Rejection) -> Option<&Problem> {
    rejection
        .find::<Rejected>()
        .map(|Rejected(problem)| problem)
}

/// Answers a request that no route accepted. The last row of a table of routes: `.recover(unrouted)`. A 405 names the
/// methods of [`crate::method`] that the path accepts.
///
/// A failed request has the rejections of every route, such as a bad body and the other routes' 405, so the most
/// specific one is looked for first.
///
/// # Errors
/// None: every rejection has a response.
pub async fn unrouted(rejection: Rejection) -> Result<Response, Infallible> {
    let allowed = method::allowed(&rejection);
    let problem = if let Some(problem) = problem_of(&rejection) {
        problem.clone()
    } else if rejection.find::<PayloadTooLarge>().is_some() {
        Problem::new(ProblemCode::BodyTooLarge, "the body is too large")
    } else if !allowed.is_empty() || rejection.find::<MethodNotAllowed>().is_some() {
        let detail = "the path does not support this method";
        Problem::new(ProblemCode::MethodNotAllowed, detail)
    } else if let Some(MalformedPath(error)) = rejection.find() {
        let detail = format!("there is no such path: {error}");
        Problem::new(ProblemCode::UnknownRoute, detail)
    } else if rejection.is_not_found() {
        Problem::new(ProblemCode::UnknownRoute, "there is no such path")
    } else {
        Problem::new(
            ProblemCode::BadRequest,
            "a header or the query is malformed",
        )
    };
    let mut response = response(&problem);
    // An empty `Allow` would say that the path accepts no method.
    if problem.status == 405
        && !allowed.is_empty()
        && let Ok(allowed) = HeaderValue::from_str(&allowed.join(", "))
    {
        response.headers_mut().insert(ALLOW, allowed);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use warp::{Filter, Reply};

    use super::*;

    fn routes() -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone {
        let refuse = || async {
            let problem = Problem::new(ProblemCode::MalformedJson, "bad body");
            Err::<String, _>(reject(problem))
        };
        let id = warp::path!("items" / u32);
        let bad_body = warp::path!("bad").and(method::post()).and_then(refuse);
        bad_body
            .or(warp::path!("bad").and(method::delete()).map(|| "deleted"))
            .or(id.and(method::get()).map(|id: u32| id.to_string()))
            .or(warp::path!("plain").and(warp::get()).map(|| "ok"))
            .or(warp::path!("limited")
                .and(warp::body::content_length_limit(1))
                .map(|| "ok"))
            .or(warp::path!("header")
                .and(warp::header::<u32>("x-n"))
                .map(|_| "ok"))
            .recover(unrouted)
    }

    async fn ask(method: &str, path: &str) -> (u16, String) {
        let request = warp::test::request().method(method).path(path).body("long");
        let response = request.reply(&routes()).await;
        let problem: Problem = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(problem.status, response.status().as_u16());
        (problem.status, problem.code.as_str().to_owned())
    }

    #[tokio::test]
    async fn our_own_problem_wins_over_another_routes_405() {
        let answered = ask("POST", "/bad").await;
        assert_eq!(answered, (400, "malformed_json".to_owned()));
    }

    #[tokio::test]
    async fn a_405_names_every_method_that_the_path_takes_and_nothing_else_does() {
        for (method, path, allow) in [
            ("PUT", "/bad", Some("DELETE, POST")),
            ("POST", "/items/7", Some("GET, HEAD")),
            ("POST", "/bad", None),
            ("GET", "/nowhere", None),
        ] {
            let request = warp::test::request().method(method).path(path);
            let response = request.reply(&routes()).await;
            let sent = response.headers().get(ALLOW);
            assert_eq!(sent.map(|value| value.to_str().unwrap()), allow, "{path}");
        }
    }

    #[tokio::test]
    async fn head_is_answered_wherever_get_is() {
        let request = warp::test::request().method("HEAD").path("/items/7");
        assert_eq!(request.reply(&routes()).await.status(), 200);
    }

    #[tokio::test]
    async fn each_rejection_has_its_status_and_code() {
        for (method, path, status, code) in [
            ("GET", "/nowhere", 404, "unknown_route"),
            ("GET", "/items/x", 404, "unknown_route"),
            ("PUT", "/bad", 405, "method_not_allowed"),
            ("POST", "/items/7", 405, "method_not_allowed"),
            ("POST", "/plain", 405, "method_not_allowed"),
            ("POST", "/limited", 413, "body_too_large"),
            ("GET", "/header", 400, "bad_request"),
        ] {
            assert_eq!(ask(method, path).await, (status, code.to_owned()), "{path}");
        }
    }
}
