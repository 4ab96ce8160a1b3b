//! The providers: which are configured, failing or slow, and what the last sweep found.

mod report;
mod sweep;
mod table;

use agent_pool_core::wire::problem::Problem;
use maud::html;
use serde::Deserialize;
use warp::reply::Response;

pub(super) use self::sweep::{confirm, make};
use super::page::{self, Tab};
use super::reply;
use super::session::Session;
use crate::app::App;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// How many orphans an operator has just had destroyed.
    destroyed: Option<u32>,
    /// Whether an operator has just had a sweep made.
    #[serde(default)]
    swept: bool,
}

/// `GET /providers`: a page also while Services is away.
pub(super) async fn show(session: Session, asked: Asked, app: App) -> Result<Response, Problem> {
    let (registry, last) = tokio::join!(app.services.registry(), app.services.last_sweep());
    let content = html! {
        div .head {
            div {
                h1 { "Providers" }
                p .hint { "What instances are made of, and whether it can be had. " (page::live(15)) }
            }
        }
        @if let Some(count) = asked.destroyed {
            @if count == 0 { p .notice.warn role="status" { "Nothing was destroyed: it was not found again, or its vendor failed." } }
            @else { p .notice role="status" { "Destroyed " (orphans(count)) "." } }
        }
        @if asked.swept { p .notice role="status" { "Swept: this is what was found." } }
        div data-part="registry" { @match &registry {
            Ok(registry) => (table::table(registry)),
            Err(error) => p .notice.bad role="alert" {
                (page::sentence(&format!("Services {error}")))
                " The providers are shown when it answers again."
            },
        } }
        div data-part="sweep" { (report::report(&session, &last)) }
    };
    let page = page::signed_in(&app, &session, Some(Tab::Providers), "Providers", &content);
    Ok(reply::ok(page))
}

fn orphans(count: u32) -> String {
    match count {
        1 => "1 orphan".to_owned(),
        _ => format!("{count} orphans"),
    }
}
