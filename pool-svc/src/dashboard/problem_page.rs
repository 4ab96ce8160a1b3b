//! The page about a request that failed.

use agent_pool_core::http::retry_after::whole_seconds;
use agent_pool_core::wire::problem::Problem;
use maud::{Markup, html};
use warp::http::StatusCode;
use warp::http::header::RETRY_AFTER;
use warp::reply::Response;

use super::page::{explain, html_page};
use super::reply;

/// The page, or a page about the problem.
pub(super) fn page_or_problem(result: Result<Response, Problem>) -> Response {
    result.unwrap_or_else(|problem| problem_page(&problem))
}

/// A page about a problem.
pub(super) fn problem_page(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = reply::page(status, draw(problem));
    if let Some(wait) = problem.retry_after {
        let seconds = whole_seconds(wait);
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn draw(problem: &Problem) -> Markup {
    let content = html! {
        main #main .narrow tabindex="-1" {
            h1 { (problem.title) }
            p .notice.bad role="alert" { (explain(problem)) }
            p .hint { "Status " (problem.status) ", code " code { (problem.code) } }
            p { a .button href="/" { "Back to the fleet" } }
        }
    };
    html_page(&problem.title, &content)
}
