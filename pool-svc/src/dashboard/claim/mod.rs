//! Claiming: what to claim, how far it is, and the way to the agent.
//!
//! A form carries a key of its own, which makes the claim safe to send twice: a reload, a second click,
//! or a stream of progress that broke off lead to the same agent.

mod form;
mod invite;
mod order;
mod qr;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use serde::Deserialize;
use warp::http::StatusCode;
use warp::reply::Response;

pub(super) use self::invite::invite;
use self::order::Filled;
use super::page::{self, Tab};
use super::session::Session;
use super::{gate, reply};
use crate::app::App;
use crate::claim::Progress;
use crate::handlers;
use crate::pool::Pool;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The template that is chosen already.
    #[serde(default)]
    template: String,
}

/// `GET /claim`
pub(super) async fn show(session: Session, asked: Asked, app: App) -> Result<Response, Problem> {
    gate::operators_only(&session)?;
    let filled = Filled::new(asked.template);
    Ok(with_form(&app, &session, StatusCode::OK, &filled, None))
}

/// `POST /claim`: ends with the way to the agent, or with the form and what is wrong.
pub(super) async fn claim(
    session: Session,
    filled: Filled,
    pool: Pool,
) -> Result<Response, Problem> {
    let app = pool.app;
    let order = match filled.order(&app.config.catalogue) {
        Ok(order) => order,
        Err(problem) => return Ok(refused(&app, &session, &filled, &problem)),
    };
    match pool
        .claims
        .start(order, Progress::default())
        .outcome()
        .await
    {
        Ok(claimed) => {
            let id = claimed.instance_id;
            Ok(reply::see_other(&format!("/instances/{id}/invite")))
        }
        Err(error) => {
            let problem = Problem::from(error);
            if problem.code == ProblemCode::NoIdleInstance {
                let content = form::none_idle(&session, &filled);
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Ok(with_content(&app, &session, status, &content));
            }
            Ok(refused(&app, &session, &filled, &problem))
        }
    }
}

/// `POST /claim/stream`: the same for the script, as server-sent events.
pub(super) async fn stream(session: Session, filled: Filled, pool: Pool) -> Response {
    let app = pool.app;
    match filled.order(&app.config.catalogue) {
        Ok(order) => handlers::claim::stream(order, pool.claims).await,
        Err(problem) => refused(&app, &session, &filled, &problem),
    }
}

fn refused(app: &App, session: &Session, filled: &Filled, problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_form(app, session, status, filled, Some(problem))
}

fn with_form(
    app: &App,
    session: &Session,
    status: StatusCode,
    filled: &Filled,
    problem: Option<&Problem>,
) -> Response {
    let content = form::form(&app.config.catalogue, session, filled, problem);
    with_content(app, session, status, &content)
}

fn with_content(
    app: &App,
    session: &Session,
    status: StatusCode,
    content: &maud::Markup,
) -> Response {
    let page = page::signed_in(app, session, Some(Tab::Claim), "Claim an agent", content);
    reply::page(status, page)
}
