//! What an instance is.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use chrono::Utc;
use maud::{Markup, html};

use super::super::db::fleet::Listed;
use super::super::session::{Role, Session};
use super::super::{page, show};
use super::Act;

/// Its name, its status, and what can be done to it.
pub(super) fn head(
    session: &Session,
    id: &InstanceId,
    title: &str,
    listed: Option<&Listed>,
) -> Markup {
    let status = listed.map(|it| it.view.status);
    let acts = status.map(Act::of).unwrap_or_default();
    html! {
        div .head {
            div {
                h1 { (title) }
                p .hint {
                    span data-part="status" {
                        @match status {
                            Some(status) => (show::status(status)),
                            None => span .status.gone { "gone" },
                        }
                    }
                    " " (page::live(5))
                }
            }
            div .actions data-part="acts" {
                @if listed.is_some() { a .button href={ "/instances/" (id) "/logs" } { "Logs" } }
                @if session.role == Role::Operator {
                    @if status == Some(Status::Claimed) {
                        a .button.primary href={ "/instances/" (id) "/invite" } { "Invite" }
                    }
                    @for act in acts {
                        a .button href={ "/instances/" (id) "/" (act.as_str()) } { (act.button()) }
                    }
                }
            }
        }
    }
}

pub(super) fn facts(id: &InstanceId, listed: Option<&Listed>) -> Markup {
    let now = Utc::now();
    html! {
        section .card aria-labelledby="facts" {
            h2 #facts { "Instance" }
            dl {
                dt { "Id" } dd .mono { (id) }
                @if let Some(Listed { view: it, tools }) = listed {
                    @if let Some(agent) = &it.agent_name { dt { "Agent" } dd { (agent) } }
                    @if let Some(url) = &it.url { dt { "URL" } dd .mono { (url.as_str()) } }
                    @if let Some(tools) = tools {
                        dt { "Tools" } dd { (if tools.is_empty() { "none".to_owned() } else { tools.join(", ") }) }
                    }
                    dt { "Created" } dd { (show::ago(it.created_at, now)) }
                    @if let Some(at) = it.claimed_at { dt { "Claimed" } dd { (show::ago(at, now)) } }
                    dt { "Last healthy" }
                    dd { @match it.last_healthy_at { Some(at) => (show::ago(at, now)), None => "not yet" } }
                    @if let (Some(id), Status::Claimed | Status::Crashed) = (&it.conversation_id, it.status) {
                        dt { "Conversation" } dd .mono { (id) }
                    }
                } @else {
                    dt { "Status" } dd { "Nothing of it is left. The log remembers it." }
                }
            }
        }
    }
}
