//! The log page of an instance.

use agent_pool_client::CallError;
use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::Logs;
use maud::{Markup, html};
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::Session;
use super::super::{gate, reply};
use crate::app::App;

/// The number of lines to show.
const LINES: u16 = 500;

/// `GET /instances/:id/logs`: a page even if there are no logs.
pub(in crate::dashboard) async fn logs(
    id: InstanceId,
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    // A log may contain an invite link, which readers must not see.
    gate::require_operator(&session)?;
    let answer = app.services.logs(&id, LINES).await;
    let content = html! {
        div .head {
            div { h1 { "Logs" } p .hint { "Instance " (id) ", last lines of its deployment" } }
            div .actions {
                a .button href={ "/instances/" (id) "/logs" } { "Reload" }
                a .button href={ "/instances/" (id) } { "Back to the instance" }
            }
        }
        (lines(&answer))
    };
    let page = page::layout(&app, &session, Some(Tab::Fleet), "Logs", &content);
    Ok(reply::ok(page))
}

fn lines(answer: &Result<Logs, CallError>) -> Markup {
    html! {
        @match answer {
            Ok(logs) if logs.lines.is_empty() => div .table { p .empty { "The log is empty." } },
            Ok(logs) => pre .tall tabindex="0" aria-label="Logs" {
                @for line in &logs.lines {
                    @if let Some(at) = line.at { (at.format("%Y-%m-%d %H:%M:%S ")) }
                    (line.text) "\n"
                }
            },
            Err(error) => p .notice.warn role="alert" {
                "No logs available. " (page::sentence(&error.to_string()))
            },
        }
    }
}
