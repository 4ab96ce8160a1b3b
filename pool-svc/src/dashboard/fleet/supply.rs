//! Draining and replenishing: confirmation pages and their forms.

use agent_pool_core::wire::pool::{DrainRequest, ReplenishRequest};
use agent_pool_core::wire::problem::Problem;
use maud::{Markup, html};
use serde::Deserialize;
use warp::reply::Response;

use super::super::page::{self, Tab};
use super::super::session::Session;
use super::super::{gate, reply};
use super::progress::BatchAction;
use crate::app::App;
use crate::db::views;
use crate::handlers::fleet;
use crate::pool::Pool;
use crate::problem::from_database;

#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Count {
    count: u32,
}

/// `GET /drain`
pub(in crate::dashboard) async fn confirm_drain(
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    let idle = idle(&app).await?;
    let about = html! {
        p { "Destroys the oldest idle instances and all their resources. "
            "The pools then create new ones until their targets are reached." }
    };
    let form = form(
        &session,
        "/drain",
        "Number of idle instances to destroy",
        idle.max(1),
        &about,
        "danger",
        "Drain",
    );
    confirmation(&app, &session, "Drain", idle, &form)
}

/// `GET /replenish`
pub(in crate::dashboard) async fn confirm_replenish(
    session: Session,
    app: App,
) -> Result<Response, Problem> {
    let idle = idle(&app).await?;
    let about = html! {
        p { "Creates instances now, even if creations are paused after failures. Each instance costs money. "
            "The total never exceeds POOL_MAX_TOTAL." }
    };
    let form = form(
        &session,
        "/replenish",
        "Number of instances to create",
        1,
        &about,
        "primary",
        "Replenish",
    );
    confirmation(&app, &session, "Replenish", idle, &form)
}

/// `POST /drain`
pub(in crate::dashboard) async fn drain(
    _session: Session,
    Count { count }: Count,
    pool: Pool,
) -> Result<Response, Problem> {
    let app = pool.app.clone();
    let drained = fleet::drain(DrainRequest { pool: None, count }, pool).await?;
    Ok(reply::see_other(
        &BatchAction::Drain.progress_url(&app, &drained).await,
    ))
}

/// `POST /replenish`
pub(in crate::dashboard) async fn replenish(
    _session: Session,
    Count { count }: Count,
    pool: Pool,
) -> Result<Response, Problem> {
    let app = pool.app.clone();
    let request = ReplenishRequest {
        pool: None,
        count: Some(count),
    };
    let begun = fleet::replenish(request, pool).await?;
    Ok(reply::see_other(
        &BatchAction::Replenish.progress_url(&app, &begun).await,
    ))
}

async fn idle(app: &App) -> Result<u32, Problem> {
    let counts = async || views::count(&mut *app.db.conn().await?).await;
    Ok(counts().await.map_err(from_database)?.idle)
}

fn form(
    session: &Session,
    action: &str,
    label: &str,
    default: u32,
    about: &Markup,
    class: &str,
    button: &str,
) -> Markup {
    html! {
        form .card.short method="post" action=(action) {
            (page::csrf_field(session))
            (about)
            div .field {
                label for="count" { (label) }
                input #count type="number" name="count" min="1" max="100000" value=(default) required;
            }
            div .actions {
                button type="submit" class=(class) { (button) }
                a .button href="/" { "Cancel" }
            }
        }
    }
}

fn confirmation(
    app: &App,
    session: &Session,
    title: &str,
    idle: u32,
    form: &Markup,
) -> Result<Response, Problem> {
    gate::require_operator(session)?;
    let content = html! {
        div .head { div { h1 { (title) } p .hint { (idle) " idle now" } } }
        (form)
    };
    let page = page::layout(app, session, Some(Tab::Fleet), title, &content);
    Ok(reply::ok(page))
}
