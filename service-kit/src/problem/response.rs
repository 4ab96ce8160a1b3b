//! Converts results to responses.

use agent_pool_core::http::retry_after::whole_seconds;
use agent_pool_core::wire::problem::Problem;
use serde::Serialize;
use warp::http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::http::{HeaderMap, HeaderValue, StatusCode};
use warp::reply::{Reply, Response};

use crate::trace::current_trace_id;

const PROBLEM_JSON: &str = "application/problem+json";

/// Marks a response whose body is a [`Problem`], so that the server can set the media type that the client accepts.
#[derive(Debug, Clone, Copy)]
struct IsProblem;

/// A handler's result as a response: 200 with the value as JSON, or the problem.
pub fn answer<T: Serialize>(result: Result<T, Problem>) -> Response {
    match result {
        Ok(value) => warp::reply::json(&value).into_response(),
        Err(problem) => response(&problem),
    }
}

/// The problem with its status, `Retry-After` if it has one, and a challenge if it is 401.
///
/// It is `application/json`; the server changes that to `application/problem+json` if the request accepts it.
#[must_use]
pub fn response(problem: &Problem) -> Response {
    let mut problem = problem.clone();
    problem.trace_id = problem.trace_id.or_else(current_trace_id);
    let mut response = warp::reply::json(&problem).into_response();
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.extensions_mut().insert(IsProblem);
    let headers = response.headers_mut();
    if let Some(wait) = problem.retry_after {
        headers.insert(RETRY_AFTER, whole_seconds(wait).into());
    }
    if problem.status == 401 {
        let challenge = HeaderValue::from_static("Bearer realm=\"agent-pool\"");
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Whether a request accepts the media type of problems.
pub(crate) fn prefers_problem_json(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut words = range.split(';').map(str::trim);
            let named = words
                .next()
                .is_some_and(|kind| kind.eq_ignore_ascii_case(PROBLEM_JSON));
            named && !words.any(is_refusal)
        })
}

/// Whether a parameter of a media range is a quality of 0: "not acceptable".
fn is_refusal(parameter: &str) -> bool {
    let quality = parameter
        .strip_prefix("q=")
        .or(parameter.strip_prefix("Q="));
    quality.is_some_and(|quality| quality.parse().is_ok_and(|quality: f32| quality <= 0.0))
}

/// Sets the media type of a problem that the request accepts.
pub(crate) fn negotiate(mut response: Response, problem_json: bool) -> Response {
    if problem_json && response.extensions().get::<IsProblem>().is_some() {
        let problem_json = HeaderValue::from_static(PROBLEM_JSON);
        response.headers_mut().insert(CONTENT_TYPE, problem_json);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_pool_core::wire::problem::ProblemCode;

    use super::*;

    #[test]
    fn retry_after_is_in_whole_seconds_rounded_up_and_at_least_one() {
        for (millis, seconds) in [(0, "1"), (1_001, "2"), (30_000, "30")] {
            let problem = Problem::new(ProblemCode::NoIdleInstance, "none")
                .with_retry_after(Duration::from_millis(millis));
            let response = answer::<()>(Err(problem));
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()[RETRY_AFTER], seconds, "{millis} ms");
        }
    }

    #[test]
    fn only_a_401_carries_a_challenge() {
        let of = |code| response(&Problem::new(code, "x"));
        let challenge = &of(ProblemCode::Unauthorized).headers()[WWW_AUTHENTICATE].clone();
        assert_eq!(challenge, "Bearer realm=\"agent-pool\"");
        let forbidden = of(ProblemCode::ForeignForm);
        assert!(!forbidden.headers().contains_key(WWW_AUTHENTICATE));
    }

    #[test]
    fn a_status_that_is_none_becomes_500() {
        let problem = Problem::new(ProblemCode::InternalError, "x").with_status(7);
        assert_eq!(response(&problem).status(), 500);
    }

    #[test]
    fn only_a_problem_changes_its_type_and_only_when_asked() {
        let kind =
            |response: Response, asked| negotiate(response, asked).headers()[CONTENT_TYPE].clone();
        let problem = || response(&Problem::new(ProblemCode::UnknownRoute, "x"));
        assert_eq!(kind(problem(), true), "application/problem+json");
        assert_eq!(kind(problem(), false), "application/json");
        assert_eq!(kind(answer(Ok(1)), true), "application/json");
    }

    #[test]
    fn the_problem_type_is_found_in_any_accept_header() {
        let accepts = |value| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))]);
            prefers_problem_json(&headers)
        };
        assert!(accepts("application/problem+json"));
        assert!(accepts("text/html, Application/Problem+JSON;q=0.9"));
        assert!(!accepts("application/json") && !accepts("*/*"));
        assert!(!accepts("application/problem+json; q=0.0"));
        assert!(!prefers_problem_json(&HeaderMap::new()));
    }
}
