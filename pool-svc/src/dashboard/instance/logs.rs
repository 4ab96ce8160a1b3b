//! What an instance wrote, where its infra can tell.

use agent_pool_client::CallError;
use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::Logs;
use maud::{Markup, html};
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::reply;
use super::super::session::Session;
use crate::app::App;

/// How many of the last lines are shown.
const LINES: u16 = 500;

/// `GET /instances/:id/logs`: a page also where there is nothing to show.
pub(in crate::dashboard) async fn logs(
    id: InstanceId,
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    let answer = app.services.logs(&id, LINES).await;
    let content = html! {
        div .head {
            div { h1 { "Logs" } p .hint { "Instance " (id) ", the last lines of its deployment" } }
            div .actions {
                a .button href={ "/instances/" (id) "/logs" } { "Load again" }
                a .button href={ "/instances/" (id) } { "Back to the instance" }
            }
        }
        (lines(&answer))
    };
    let page = page::signed_in(&app, &session, Some(Tab::Fleet), "Logs", &content);
    Ok(reply::ok(page))
}

fn lines(answer: &Result<Logs, CallError>) -> Markup {
    html! {
        @match answer {
            Ok(logs) if logs.lines.is_empty() => div .table { p .empty { "It has not written anything." } },
            Ok(logs) => pre .tall tabindex="0" aria-label="Logs" {
                @for line in &logs.lines {
                    @if let Some(at) = line.at { (at.format("%Y-%m-%d %H:%M:%S ")) }
                    (line.text) "\n"
                }
            },
            Err(error) => p .notice.warn role="alert" {
                "There are no logs to show. " (page::sentence(&error.to_string()))
            },
        }
    }
}
