//! The fleet: counts, alarms, and a table to search, filter and sort. The database does the work, so
//! that a page costs the same however large the fleet is.

mod asked;
mod capacity;
mod outcome;
mod supply;
mod table;

use agent_pool_core::wire::pool::{Counts, CreationFailure, Status, Unobserved};
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use chrono::Utc;
use maud::{Markup, html};
use warp::reply::Response;

use self::asked::Asked;
use self::outcome::Outcome;
pub(super) use self::supply::{confirm_drain, confirm_replenish, drain, replenish};
use super::db::fleet::{self, Listed};
use super::page::{self, Tab};
use super::session::{Role, Session};
use super::{reply, show};
use crate::app::App;
use crate::db::{creation_failures, tick_state, views};
use crate::problem::from_database;

/// How many instances one page has.
const ON_A_PAGE: u32 = 50;

/// What the page shows.
struct Fleet {
    counts: Counts,
    alarm: Option<Unobserved>,
    failures: Vec<CreationFailure>,
    /// How many fit what is asked for.
    found: u32,
    rows: Vec<Listed>,
    /// What an operator has just asked for.
    outcome: Option<Outcome>,
}

/// `GET /`
pub(super) async fn show(
    session: Session,
    mut asked: Asked,
    app: App,
) -> Result<Response, Problem> {
    let fleet = load(&app, &mut asked).await.map_err(from_database)?;
    let content = content(&app, &session, &asked, &fleet);
    let page = page::signed_in(&app, &session, Some(Tab::Fleet), "Fleet", &content);
    Ok(reply::ok(page))
}

/// A page behind the last one becomes the last one: the fleet may have shrunk.
async fn load(app: &App, asked: &mut Asked) -> Result<Fleet, DbError> {
    let mut conn = app.db.conn().await?;
    let wanted = asked.wanted();
    let found = fleet::count(&mut conn, &wanted).await?;
    asked.page = asked.page.clamp(1, pages(found));
    let skip = (asked.page - 1) * ON_A_PAGE;
    Ok(Fleet {
        counts: views::count(&mut conn).await?,
        alarm: tick_state::load_doubt(&mut conn).await?,
        failures: creation_failures::load(&mut conn).await?,
        rows: fleet::load(&mut conn, &wanted, skip, ON_A_PAGE).await?,
        outcome: outcome::load(&mut conn, asked).await?,
        found,
    })
}

const fn pages(found: u32) -> u32 {
    let pages = found.div_ceil(ON_A_PAGE);
    if pages == 0 { 1 } else { pages }
}

fn content(app: &App, session: &Session, asked: &Asked, fleet: &Fleet) -> Markup {
    let pool = &app.config.pool;
    let now = Utc::now();
    html! {
        div .head {
            div {
                h1 { "Fleet" }
                p .hint {
                    "Keeps " (pool.pool_min_idle) " idle, " (show::thousands(pool.pool_max_total)) " in all at most. "
                    (page::live(15))
                }
            }
            @if session.role == Role::Operator {
                div .actions {
                    a .button href="/replenish" { "Replenish" }
                    a .button href="/drain" { "Drain" }
                }
            }
        }
        div data-part="outcome" { @if let Some(outcome) = &fleet.outcome { (outcome.draw()) } }
        div data-part="alarms" { (alarms(fleet)) }
        div data-part="counts" {
            (counts(asked, fleet.counts))
            (capacity::bar(fleet.counts, pool.pool_max_total))
        }
        (search(asked))
        div data-part="table" { (table::table(session, asked, fleet, now)) }
    }
}

fn alarms(fleet: &Fleet) -> Markup {
    html! {
        @if let Some(alarm) = &fleet.alarm {
            div .notice.bad role="alert" {
                strong { "The fleet cannot be judged, " (show::ago(alarm.since, Utc::now())) ". " }
                (page::sentence(&alarm.reason)) " Nobody is taken for dead meanwhile."
            }
        }
        @if !fleet.failures.is_empty() {
            div .notice.warn role="alert" {
                strong { "Creations fail." }
                ul {
                    @for failure in &fleet.failures {
                        li {
                            code { (failure.cause) } ", " (failure.failures_in_a_row) " in a row, last "
                            (show::ago(failure.failed_at, Utc::now())) ": " (failure.error)
                        }
                    }
                }
            }
        }
    }
}

fn counts(asked: &Asked, mut counts: Counts) -> Markup {
    let numbers = Status::ALL.map(|status| (status, *views::of(&mut counts, status)));
    html! {
        ul .counts {
            @for (status, number) in numbers {
                @let chosen = asked.status == Some(status);
                @let link = asked.change(|it| it.status = (!chosen).then_some(status));
                li {
                    a class=(status.as_str()) href=(link) aria-current=[chosen.then_some("true")] {
                        b { (show::thousands(number)) } span { (status.as_str()) }
                    }
                }
            }
        }
    }
}

fn search(asked: &Asked) -> Markup {
    html! {
        form .search role="search" method="get" action="/" {
            div .grow {
                label for="q" { "Search" }
                input #q type="search" name="q" value=(asked.q) placeholder="id, agent or URL";
            }
            div {
                label for="status" { "Status" }
                select #status name="status" {
                    option value="" { "all" }
                    @for status in Status::ALL {
                        option value=(status.as_str()) selected[asked.status == Some(status)] { (status.as_str()) }
                    }
                }
            }
            button type="submit" { "Show" }
            @if asked.narrows() { a .button.quiet href="/" { "Clear" } }
        }
    }
}
