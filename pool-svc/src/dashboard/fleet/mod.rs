//! The fleet page: counts, alarms, and a table to search, filter and sort. The database does the work,
//! so the cost of a page does not depend on the size of the fleet.

mod capacity;
mod load;
mod progress;
mod query;
mod supply;
mod table;

use agent_pool_core::wire::pool::{Counts, Status};
use agent_pool_core::wire::problem::Problem;
use chrono::Utc;
use maud::{Markup, html};
use warp::reply::Response;

use self::load::{Fleet, load};
use self::query::FleetQuery;
pub(super) use self::supply::{confirm_drain, confirm_replenish, drain, replenish};
use super::page::{self, Tab};
use super::session::{Role, Session};
use super::{format, reply};
use crate::app::App;
use crate::db::views;
use crate::plural::count_of;
use crate::problem::from_database;

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

fn content(app: &App, session: &Session, query: &FleetQuery, fleet: &Fleet) -> Markup {
    let pool = &app.config.pool;
    let now = Utc::now();
    html! {
        div .head {
            div {
                h1 { "Fleet" }
                p .hint {
                    "Target: " (fleet.target) " idle. Limit: " (format::thousands(pool.pool_max_total)) " in total. "
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
                strong { "Health checks were paused " (format::ago(alarm.since, Utc::now())) ". " }
                (page::sentence(&alarm.reason)) " No instance is marked as crashed until this is resolved."
            }
        }
        @if !fleet.failures.is_empty() {
            div .notice.warn role="alert" {
                strong { "Instances cannot be created." }
                ul {
                    @for failure in &fleet.failures {
                        li {
                            code { (failure.cause) } ", failed " (count_of(failure.failures_in_a_row, "time")) " in a row, last "
                            (format::ago(failure.failed_at, Utc::now())) ": " (failure.error)
                        }
                    }
                }
            }
        }
    }
}

fn counts(query: &FleetQuery, mut counts: Counts) -> Markup {
    let numbers = Status::ALL.map(|status| (status, *views::count_mut(&mut counts, status)));
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
            @if !query.pool.is_empty() { input type="hidden" name="pool" value=(query.pool); }
            button type="submit" { "Search" }
            @if query.is_filtered() { a .button.quiet href="/" { "Clear" } }
        }
    }
}
