//! The instance page: its state, its history and its actions.

mod action;
mod document;
mod explanation;
mod find;
mod limit;
mod logs;
mod summary;
mod timeline;
mod tools;
mod upgrade;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{LifecycleEvent, Upgrade};
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use maud::html;
use serde::Deserialize;
use warp::reply::Response;

pub(super) use self::action::{Action, confirm, perform};
pub(super) use self::find::find;
pub(super) use self::limit::change_limit;
pub(super) use self::logs::logs;
pub(super) use self::tools::change_tools;
use super::db::fleet::{self, InstanceRow};
use super::page::{self, Tab};
use super::reply;
use super::session::Session;
use crate::app::App;
use crate::db::events::{self, Page};
use crate::db::upgrades;
use crate::ops::destruction::CondemnError;
use crate::ops::instance_tools;
use crate::problem::from_database;

/// The number of events that the page shows.
const MOST_EVENTS: u16 = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct InstanceQuery {
    /// The action that an operator just performed.
    done: Option<Action>,
}

/// `GET /instances/:id`: also for a destroyed instance that the log still has.
pub(super) async fn show(
    id: InstanceId,
    session: Session,
    query: InstanceQuery,
    app: App,
) -> Result<Response, Problem> {
    let Loaded {
        row,
        events,
        upgrade,
    } = load(&app, &id).await.map_err(from_database)?;
    if row.is_none() && events.is_empty() {
        return Err(CondemnError::Unknown(id).into());
    }
    let document = match &row {
        Some(_) => Some(app.services.document(&id).await),
        None => None,
    };
    let offered = match &row {
        Some(row) => instance_tools::load_offered(&app, &row.view.pool).await,
        None => Ok(Vec::new()),
    };
    let offered = offered.map_err(from_database)?;
    let agent = row.as_ref().and_then(|it| it.view.agent_name.clone());
    let title = agent.unwrap_or_else(|| id.to_string());
    let content = html! {
        (summary::head(&session, &id, &title, row.as_ref()))
        div data-part="outcome" {
            @if let Some(act) = query.done {
                p .notice role="status" { (act.outcome(row.is_some())) }
            }
        }
        div .two data-part="instance" {
            div {
                (summary::summary(&id, row.as_ref()))
                (upgrade::section(upgrade.as_ref()))
                @if let Some(document) = &document { (document::document(document)) }
                @if row.is_some() { (tools::form(&session, &id, &offered)) }
                @if let Some(row) = &row { (limit::form(&session, &id, row)) }
            }
            div {
                (explanation::section(&id, &events))
                (timeline::timeline(&events))
            }
        }
    };
    let page = page::layout(&app, &session, Some(Tab::Fleet), &title, &content);
    Ok(reply::ok(page))
}

/// What Pool knows about an instance.
struct Loaded {
    row: Option<InstanceRow>,
    events: Vec<LifecycleEvent>,
    /// The latest one, if any.
    upgrade: Option<Upgrade>,
}

async fn load(app: &App, id: &InstanceId) -> Result<Loaded, DbError> {
    let mut conn = app.db.conn().await?;
    let page = Page {
        limit: MOST_EVENTS,
        before: None,
        instance_id: Some(id.clone()),
        pool: None,
    };
    Ok(Loaded {
        row: fleet::find(&mut conn, &app.config.cipher, id).await?,
        events: events::load(&mut conn, &page).await?,
        upgrade: upgrades::find_latest(&mut conn, id).await?,
    })
}
