//! The fleet: how many there are of each status.

use agent_pool_core::wire::problem::Problem;
use maud::html;
use warp::reply::Response;

use super::page::{self, Tab};
use super::reply;
use super::session::Session;
use crate::app::App;

/// `GET /`
pub(super) async fn show(session: Session, app: App) -> Result<Response, Problem> {
    let content = html! { h1 { "Fleet" } };
    Ok(reply::ok(page::signed_in(
        &app,
        &session,
        Some(Tab::Fleet),
        "Fleet",
        &content,
    )))
}
