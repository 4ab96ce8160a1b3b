//! The table of pools.

use agent_pool_core::wire::pool::PoolView;
use agent_pool_core::wire::problem::Problem;
use maud::{Markup, html};
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::{Role, Session};
use super::super::{format, reply};
use super::declare;
use crate::app::App;
use crate::pools::view::load_views;
use crate::problem::from_database;

/// `GET /pools`
pub(in crate::dashboard) async fn list(session: Session, app: App) -> Result<Response, Problem> {
    let pools = load_views(&app).await.map_err(from_database)?;
    let content = html! {
        div .head {
            div {
                h1 { "Pools" }
                p .hint {
                    "Each pool keeps instances of its own recipe. At most "
                    (format::thousands(app.config.pool.pool_max_total)) " instances over all pools. "
                    (page::live_indicator(15))
                }
            }
        }
        div data-part="pools" { (table(&pools)) }
        @if session.role == Role::Operator { (declare::new_form(&session)) }
    };
    let page = page::layout(&app, &session, Some(Tab::Pools), "Pools", &content);
    Ok(reply::ok(page))
}

fn table(pools: &[PoolView]) -> Markup {
    html! {
        div .table {
            table {
                caption .hidden { "Pools" }
                thead {
                    tr {
                        th scope="col" { "Pool" }
                        th scope="col" .number { "Target" }
                        th scope="col" .number { "Idle" }
                        th scope="col" .number .wide { "Starting" }
                        th scope="col" .number { "Claimed" }
                        th scope="col" .number .wide { "Crashed" }
                        th scope="col" .number .wide { "Waiting claims" }
                        th scope="col" .number .wide { "Limit" }
                    }
                }
                tbody { @for pool in pools { (line(pool)) } }
            }
        }
    }
}

fn line(pool: &PoolView) -> Markup {
    let counts = pool.counts;
    html! {
        tr {
            td {
                a href={ "/pools/" (pool.name) } { (pool.name) }
                @if let Some(hold) = &pool.hold { " " span .tag.warn { (hold.cause.as_str()) } }
            }
            td .number { (pool.target) }
            td .number { (counts.idle) }
            td .number.wide { (counts.starting) }
            td .number { (counts.claimed + counts.claiming) }
            td .number.wide { (counts.crashed) }
            td .number.wide { (pool.waiting) }
            td .number.wide { (format::thousands(pool.max_total)) }
        }
    }
}
