//! The fleet page: counts, alarms, and a table to search, filter and sort. The database does the work,
//! so the cost of a page does not depend on the size of the fleet.

mod capacity;
mod progress;
mod query;
mod supply;
mod table;

use agent_pool_core::wire::pool::{Counts, CreationFailure, Status, Unobserved};
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use maud::{Markup, html};
use warp::reply::Response;

use self::progress::BatchProgress;
use self::query::FleetQuery;
pub(super) use self::supply::{confirm_drain, confirm_replenish, drain, replenish};
use super::db::fleet::{self, InstanceRow};
use super::keys::Role;
use super::page::{self, Tab};
use super::session::Session;
use super::{format, reply};
use crate::app::App;
use crate::db::{creation_failures, tick_state, views};
use crate::problem::from_database;

/// Instances per page.
const PAGE_SIZE: u32 = 50;

/// The data of the page.
struct Fleet {
    counts: Counts,
    alarm: Option<Unobserved>,
    failures: Vec<CreationFailure>,
    /// The number of instances that match the query.
    found: u32,
    rows: Vec<InstanceRow>,
    /// Of the operation that an operator just started.
    progress: Option<BatchProgress>,
}

/// `GET /`
pub(super) async fn show(
    session: Session,
    mut query: FleetQuery,
    app: App,
) -> Result<Response, Problem> {
    let fleet = load(&app, &mut query).await.map_err(from_database)?;
    let content = content(&app, &session, &query, &fleet);
    let page = page::layout(&app, &session, Some(Tab::Fleet), "Fleet", &content);
    Ok(reply::ok(page))
}

/// Falls back to the last page if the fleet has shrunk.
async fn load(app: &App, query: &mut FleetQuery) -> Result<Fleet, DbError> {
    let mut conn = app.db.conn().await?;
    let filter = query.filter();
    let found = fleet::count(&mut conn, &filter).await?;
    query.page = query.page.clamp(1, page_count(found));
    let skip = (query.page - 1) * PAGE_SIZE;
    Ok(Fleet {
        counts: views::count(&mut conn).await?,
        alarm: tick_state::load_doubt(&mut conn).await?,
        failures: creation_failures::load(&mut conn).await?,
        rows: fleet::load(&mut conn, &app.config.cipher, &filter, skip, PAGE_SIZE).await?,
        progress: progress::load(&mut conn, query).await?,
        found,
    })
}

const fn page_count(found: u32) -> u32 {
    let pages = found.div_ceil(PAGE_SIZE);
    if pages == 0 { 1 } else { pages }
}

fn content(app: &App, session: &Session, query: &FleetQuery, fleet: &Fleet) -> Markup {
    let pool = &app.config.pool;
    let now = Utc::now();
    html! {
        div .head {
            div {
                h1 { "Fleet" }
                p .hint {
                    "Target: " (pool.pool_min_idle) " idle. Limit: " (format::thousands(pool.pool_max_total)) " in total. "
                    (page::live_indicator(15))
                }
            }
            @if session.role == Role::Operator {
                div .actions {
                    a .button href="/replenish" { "Replenish" }
                    a .button href="/drain" { "Drain" }
                }
            }
        }
        div data-part="outcome" { @if let Some(progress) = &fleet.progress { (progress.draw()) } }
        div data-part="alarms" { (alarms(fleet)) }
        div data-part="counts" {
            (counts(query, fleet.counts))
            (capacity::bar(fleet.counts, pool.pool_max_total))
        }
        (search(query))
        div data-part="table" { (table::table(session, query, fleet, now)) }
    }
}

fn alarms(fleet: &Fleet) -> Markup {
    html! {
        @if let Some(alarm) = &fleet.alarm {
            div .notice.bad role="alert" {
                strong { "Health checks are paused since " (format::ago(alarm.since, Utc::now())) ". " }
                (page::sentence(&alarm.reason)) " No instance is marked as crashed until this is resolved."
            }
        }
        @if !fleet.failures.is_empty() {
            div .notice.warn role="alert" {
                strong { "Instances cannot be created." }
                ul {
                    @for failure in &fleet.failures {
                        li {
                            code { (failure.cause) } ", failed " (failure.failures_in_a_row) " times in a row, last "
                            (format::ago(failure.failed_at, Utc::now())) ": " (failure.error)
                        }
                    }
                }
            }
        }
    }
}

fn counts(query: &FleetQuery, mut counts: Counts) -> Markup {
    let numbers = Status::ALL.map(|status| (status, *views::of(&mut counts, status)));
    html! {
        ul .counts {
            @for (status, number) in numbers {
                @let chosen = query.status == Some(status);
                @let link = query.change(|it| it.status = (!chosen).then_some(status));
                li {
                    a class=(status.as_str()) href=(link) aria-current=[chosen.then_some("true")] {
                        b { (format::thousands(number)) } span { (status.as_str()) }
                    }
                }
            }
        }
    }
}

fn search(query: &FleetQuery) -> Markup {
    html! {
        form .search role="search" method="get" action="/" {
            div .grow {
                label for="q" { "Search" }
                input #q type="search" name="q" value=(query.q) placeholder="ID, agent or URL";
            }
            div {
                label for="status" { "Status" }
                select #status name="status" {
                    option value="" { "All" }
                    @for status in Status::ALL {
                        option value=(status.as_str()) selected[query.status == Some(status)] { (status.as_str()) }
                    }
                }
            }
            button type="submit" { "Search" }
            @if query.is_filtered() { a .button.quiet href="/" { "Clear" } }
        }
    }
}
