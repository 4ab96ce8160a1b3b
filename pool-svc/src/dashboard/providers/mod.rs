//! The providers page: configuration, health and the last sweep.

mod report;
mod sweep;
mod table;

use agent_pool_core::wire::problem::Problem;
use maud::html;
use serde::Deserialize;
use warp::reply::Response;

pub(super) use self::sweep::{confirm, sweep};
use super::page::{self, Tab};
use super::reply;
use super::session::Session;
use crate::app::App;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ProvidersQuery {
    /// How many orphans a sweep just destroyed.
    destroyed: Option<u32>,
    /// Whether a sweep just ended.
    #[serde(default)]
    swept: bool,
}

/// `GET /providers`: a page even if Services is unavailable.
pub(super) async fn show(
    session: Session,
    query: ProvidersQuery,
    app: App,
) -> Result<Response, Problem> {
    let (registry, last) = tokio::join!(app.services.registry(), app.services.last_sweep());
    let content = html! {
        div .head {
            div {
                h1 { "Providers" }
                p .hint { "Infrastructure and tools, and the health of their APIs. " (page::live_indicator(15)) }
            }
        }
        @if let Some(count) = query.destroyed {
            @if count == 0 { p .notice.warn role="status" { "Nothing was destroyed: the orphan no longer exists, or the call to its provider failed." } }
            @else { p .notice role="status" { "Destroyed " (orphans(count)) "." } }
        }
        @if query.swept { p .notice role="status" { "Sweep finished." } }
        div data-part="registry" { @match &registry {
            Ok(registry) => (table::table(registry)),
            Err(error) => p .notice.bad role="alert" {
                (page::sentence(&error.to_string()))
                " Providers are shown when Services is available again."
            },
        } }
        div data-part="sweep" { (report::report(&session, &last)) }
    };
    let page = page::layout(&app, &session, Some(Tab::Providers), "Providers", &content);
    Ok(reply::ok(page))
}

fn orphans(count: u32) -> String {
    match count {
        1 => "1 orphan".to_owned(),
        _ => format!("{count} orphans"),
    }
}
