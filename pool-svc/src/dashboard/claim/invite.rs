//! The invite page: link and QR code. Only operators see it, because the link gives access to the agent.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::InviteUrl;
use agent_pool_core::wire::pool::Status;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use maud::{Markup, html};
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::Session;
use super::super::{gate, instance, reply};
use super::qr::qr;
use crate::app::App;

/// `GET /instances/:id/invite`
pub(in crate::dashboard) async fn invite(
    id: InstanceId,
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    gate::require_operator(&session)?;
    let view = instance::find(&app, &id).await?;
    // An older version may have stored anything.
    let link = view
        .invite_url
        .and_then(|link| InviteUrl::try_from(link).ok());
    let (Some(link), Status::Claimed | Status::Crashed) = (link, view.status) else {
        let detail = format!(
            "instance {id} has not been claimed, or its link cannot be decrypted, so no invite link can be shown"
        );
        return Err(Problem::new(ProblemCode::NotClaimed, detail));
    };
    let name = view.agent_name.unwrap_or_else(|| id.to_string());
    let title = format!("{name} is ready");
    let page = page::layout(
        &app,
        &session,
        Some(Tab::Claim),
        &title,
        &content(&id, &title, &link),
    );
    Ok(reply::ok(page))
}

fn content(id: &InstanceId, title: &str, link: &InviteUrl) -> Markup {
    html! {
        div .head { div { h1 { (title) } p .hint { "Anyone with this link can talk to the agent." } } }
        div .card.invite {
            @if let Some(qr) = qr(link.as_str()) { div .qr { (qr) } }
            div {
                label for="link" { "Invite link" }
                input #link .mono readonly value=(link.as_str());
                div .actions {
                    a .button.primary href=(link.as_str()) target="_blank" rel="noopener noreferrer" { "Open" }
                    button #copy type="button" hidden data-copies="link" { "Copy" }
                    span #copied role="status" {}
                }
            }
        }
        div .actions {
            a .button href={ "/instances/" (id) } { "Instance details" }
            a .button href="/claim" { "Claim another agent" }
        }
    }
}
