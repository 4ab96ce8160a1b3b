//! The heading of the instance page, and what Pool knows about the instance.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, Runs, Status};
use chrono::Utc;
use maud::{Markup, html};

use super::super::db::fleet::InstanceRow;
use super::super::session::{Role, Session};
use super::super::{format, page};
use super::action::Action;

/// Name, status and actions.
pub(super) fn head(
    session: &Session,
    id: &InstanceId,
    title: &str,
    row: Option<&InstanceRow>,
) -> Markup {
    let status = row.map(|it| it.view.status);
    let actions = row
        .map(|it| Action::available(&it.view))
        .unwrap_or_default();
    let protected = row.is_some_and(|it| it.view.protected);
    html! {
        div .head {
            div {
                h1 { (title) }
                p .hint {
                    span data-part="status" {
                        @match status {
                            Some(status) => (format::status(status)),
                            None => span .status.gone { "destroyed" },
                        }
                    }
                    @if protected { " " span .tag { "protected" } }
                    " " (page::live_indicator(5))
                }
            }
            div .actions data-part="actions" {
                @if session.role == Role::Operator {
                    @if row.is_some() { a .button href={ "/instances/" (id) "/logs" } { "Logs" } }
                    @if status == Some(Status::Claimed) {
                        a .button.primary href={ "/instances/" (id) "/invite" } { "Invite" }
                    }
                    @for action in actions {
                        a .button href={ "/instances/" (id) "/" (action.as_str()) } { (action.button()) }
                    }
                }
            }
        }
    }
}

/// The recipe that it was made from, and what it runs, as far as known.
fn recipe(instance: &InstanceView) -> Markup {
    let Runs {
        image,
        image_digest,
        version,
    } = instance.runs.clone().unwrap_or_default();
    html! {
        @if let Some(hash) = &instance.made_from { dt { "Recipe" } dd .mono { (hash) } }
        @if let Some(image) = image { dt { "Image" } dd .mono { (image) } }
        @if let Some(digest) = image_digest { dt { "Digest" } dd .mono { (digest) } }
        @if let Some(version) = version { dt { "Version" } dd { (version) } }
    }
}

pub(super) fn summary(id: &InstanceId, row: Option<&InstanceRow>) -> Markup {
    let now = Utc::now();
    html! {
        section .card aria-labelledby="facts" {
            h2 #facts { "Instance" }
            dl {
                dt { "ID" } dd .mono { (id) }
                @if let Some(InstanceRow { view: it, tools }) = row {
                    @if let Some(agent) = &it.agent_name { dt { "Agent" } dd { (agent) } }
                    @if let Some(url) = &it.url { dt { "URL" } dd .mono { (url.as_str()) } }
                    @if let Some(tools) = tools {
                        dt { "Tools" } dd { (if tools.is_empty() { "none".to_owned() } else { tools.join(", ") }) }
                    }
                    (recipe(it))
                    dt { "Created" } dd { (format::ago(it.created_at, now)) }
                    @if let Some(at) = it.claimed_at { dt { "Claimed" } dd { (format::ago(at, now)) } }
                    @if let Some(end) = it.ends_at { dt { "Ends" } dd { (end.format("%F %H:%M UTC")) } }
                    @if let Some(by) = it.accept_by {
                        dt { "Waits" }
                        dd { "to be accepted into its conversation, until " (by.format("%F %H:%M UTC")) }
                    }
                    dt { "Last healthy" }
                    dd { @match it.last_healthy_at { Some(at) => (format::ago(at, now)), None => "never" } }
                    @if let (Some(id), Status::Claimed | Status::Crashed) = (&it.conversation_id, it.status) {
                        dt { "Conversation" } dd .mono { (id) }
                    }
                } @else {
                    dt { "Status" } dd { "Destroyed. Only its history is left." }
                }
            }
        }
    }
}
