//! The events page: the changes of all instances and who made them, newest first.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::LifecycleEvent;
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use super::page::{self, Tab};
use super::session::Session;
use super::{cause, format, reply};
use crate::app::App;
use crate::db::events::{self, Page};
use crate::problem::from_database;

/// Events per page.
const PAGE_SIZE: u16 = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct EventsQuery {
    /// Show only events before this one.
    before: Option<i64>,
    /// Show only those of this pool.
    pool: Option<PoolName>,
}

/// `GET /events`
pub(super) async fn show(
    session: Session,
    query: EventsQuery,
    app: App,
) -> Result<Response, Problem> {
    let events = load(&app, &query).await.map_err(from_database)?;
    let content = html! {
        div .head {
            div {
                h1 { "Events" @if let Some(pool) = &query.pool { " of pool " (pool) } }
                p .hint { "Changes of instances, newest first. " (page::live_indicator(15)) }
            }
        }
        div data-part="events" { (table(&events)) (pager(&query, &events)) }
    };
    let page = page::layout(&app, &session, Some(Tab::Events), "Events", &content);
    Ok(reply::ok(page))
}

async fn load(app: &App, query: &EventsQuery) -> Result<Vec<LifecycleEvent>, DbError> {
    let page = Page {
        limit: PAGE_SIZE,
        before: query.before,
        instance_id: None,
        pool: query.pool.clone(),
    };
    events::load(&mut *app.db.conn().await?, &page).await
}

fn table(events: &[LifecycleEvent]) -> Markup {
    let now = Utc::now();
    html! {
        div .table {
            @if events.is_empty() { p .empty { "No events." } }
            @else {
                table {
                    caption .hidden { "Events" }
                    thead { tr {
                        th scope="col" { "Time" } th scope="col" { "Instance" } th scope="col" { "Status" }
                        th scope="col" .wide { "Cause" } th scope="col" .wide { "By" }
                    } }
                    tbody { @for event in events { (row(event, now)) } }
                }
            }
        }
    }
}

fn row(event: &LifecycleEvent, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            td .time { (format::ago(event.at, now)) }
            td { a .mono href={ "/instances/" (event.instance_id) } { (event.instance_id) } }
            td {
                @match event.to { Some(status) => (format::status(status)), None => span .status.gone { "destroyed" } }
                span .small.slim { (cause::in_words(&event.cause)) }
            }
            td .wide { (cause::in_words(&event.cause)) }
            td .wide { (by(event)) }
        }
    }
}

/// Who made a change. Changes by the pool itself have no principal.
pub(super) fn by(event: &LifecycleEvent) -> Markup {
    html! {
        @match &event.principal {
            Some(name) => { (name) @if let Some(source) = &event.source { " " span .small { (source) } } },
            None => span .hint { "pool" },
        }
    }
}

fn pager(query: &EventsQuery, events: &[LifecycleEvent]) -> Markup {
    let more = events.len() == usize::from(PAGE_SIZE);
    let last = events.last().filter(|_| more);
    let filter = query
        .pool
        .as_ref()
        .map_or_else(String::new, |pool| format!("pool={pool}&"));
    html! {
        nav .pages aria-label="Table pages" {
            div .actions {
                @if query.before.is_some() { a .button href={ "/events?" (filter) } { "Newest" } }
                @if let Some(last) = last { a .button rel="next" href={ "/events?" (filter) "before=" (last.id) } { "Older" } }
            }
        }
    }
}
