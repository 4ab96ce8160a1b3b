//! One instance: what it is, what happened to it, and what can be done to it.

mod act;
mod card;
mod document;
mod logs;
mod timeline;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{InstanceView, LifecycleEvent};
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use maud::html;
use serde::Deserialize;
use warp::reply::Response;

pub(super) use self::act::{Act, confirm, make};
pub(super) use self::logs::logs;
use super::db::fleet::{self, Listed};
use super::page::{self, Tab};
use super::reply;
use super::session::Session;
use crate::app::App;
use crate::db::events::{self, Page};
use crate::destruction::CondemnError;
use crate::problem::from_database;

/// Most entries of the log on one page.
const MOST_EVENTS: u16 = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// What an operator has just done to it.
    done: Option<Act>,
}

/// `GET /instances/:id`: also of one that is gone, as long as the log has it.
pub(super) async fn show(
    id: InstanceId,
    session: Session,
    asked: Asked,
    app: App,
) -> Result<Response, Problem> {
    let (listed, events) = load(&app, &id).await.map_err(from_database)?;
    if listed.is_none() && events.is_empty() {
        return Err(CondemnError::Unknown(id).into());
    }
    let document = match &listed {
        Some(_) => Some(app.services.document(&id).await),
        None => None,
    };
    let agent = listed.as_ref().and_then(|it| it.view.agent_name.clone());
    let title = agent.unwrap_or_else(|| id.to_string());
    let content = html! {
        (card::head(&session, &id, &title, listed.as_ref()))
        div data-part="outcome" {
            @if let Some(act) = asked.done {
                p .notice role="status" { (act.outcome(listed.is_some())) }
            }
        }
        div .two data-part="instance" {
            div {
                (card::facts(&id, listed.as_ref()))
                @if let Some(document) = &document { (document::document(document)) }
            }
            (timeline::timeline(&events))
        }
    };
    let page = page::signed_in(&app, &session, Some(Tab::Fleet), &title, &content);
    Ok(reply::ok(page))
}

/// What the pool has of an instance that is there.
pub(super) async fn view(app: &App, id: &InstanceId) -> Result<InstanceView, Problem> {
    let find = async || fleet::find(&mut *app.db.conn().await?, id).await;
    let found = find().await.map_err(from_database)?;
    Ok(found.ok_or_else(|| CondemnError::Unknown(id.clone()))?.view)
}

async fn load(
    app: &App,
    id: &InstanceId,
) -> Result<(Option<Listed>, Vec<LifecycleEvent>), DbError> {
    let mut conn = app.db.conn().await?;
    let page = Page {
        limit: MOST_EVENTS,
        before: None,
        instance_id: Some(id.clone()),
    };
    let listed = fleet::find(&mut conn, id).await?;
    Ok((listed, events::load(&mut conn, &page).await?))
}
