//! The explanation of a pool.

use agent_pool_core::PoolName;
use agent_pool_core::wire::problem::Problem;
use maud::html;
use warp::reply::Response;

use super::page::{self, Tab};
use super::reply;
use super::session::Session;
use crate::app::App;
use crate::handlers::explain;

/// `GET /explain/:pool`
pub(super) async fn show(name: PoolName, session: Session, app: App) -> Result<Response, Problem> {
    let story = explain::pool(name.clone(), app.clone()).await?;
    let title = format!("Pool {name}");
    let content = html! {
        div .head {
            div {
                h1 { (title) }
                p .hint { "What the pool keeps, and why. " (page::live_indicator(15)) }
            }
        }
        section .card data-part="story" { @for step in &story.steps { p { (step.text) } } }
    };
    let page = page::layout(&app, &session, Some(Tab::Fleet), &title, &content);
    Ok(reply::ok(page))
}
