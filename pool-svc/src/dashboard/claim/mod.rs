//! Claiming: the form, the progress, and the invite page.
//!
//! Each form has its own idempotency key, so that a reload, a second click or a broken progress stream leads to the
//! same agent.

mod fields;
mod form;
mod invite;
mod qr;

use agent_pool_core::wire::pool::ClaimOutcome;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use serde::Deserialize;
use warp::http::StatusCode;
use warp::reply::Response;

use self::fields::ClaimForm;
pub(super) use self::invite::invite;
use super::page::{self, Tab};
use super::session::Session;
use super::{gate, reply};
use crate::app::App;
use crate::claim::Progress;
use crate::handlers;
use crate::pool::Pool;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ClaimQuery {
    /// The preselected template.
    #[serde(default)]
    template: String,
    /// The preselected pool.
    #[serde(default)]
    pool: String,
}

/// `GET /claim`
pub(super) async fn show(
    session: Session,
    query: ClaimQuery,
    app: App,
) -> Result<Response, Problem> {
    gate::require_operator(&session)?;
    let fields = ClaimForm {
        pool: query.pool,
        ..ClaimForm::new(query.template)
    };
    Ok(with_form(&app, &session, StatusCode::OK, &fields, None))
}

/// `POST /claim`: redirects to the invite page, or shows the form with the problem.
pub(super) async fn claim(
    session: Session,
    fields: ClaimForm,
    pool: Pool,
) -> Result<Response, Problem> {
    let app = pool.app;
    let input = match fields.claim_input(&app.config.catalogue) {
        Ok(input) => input,
        Err(problem) => return Ok(refused(&app, &session, &fields, &problem)),
    };
    let from = input.request.pool.clone().unwrap_or_default();
    match pool
        .claims
        .start(input, Progress::default())
        .outcome()
        .await
    {
        Ok(ClaimOutcome::Claimed(claimed)) => {
            let id = claimed.instance_id;
            Ok(reply::see_other(&format!("/instances/{id}/invite")))
        }
        // The page of the instance shows that it waits, and updates when its agent is accepted.
        Ok(ClaimOutcome::Pending(pending)) => {
            let id = pending.instance_id;
            Ok(reply::see_other(&format!("/instances/{id}")))
        }
        Err(error) => {
            let problem = Problem::from(error);
            if problem.code == ProblemCode::NoIdleInstance {
                let content = form::none_idle(&session, &fields, &from);
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Ok(with_content(&app, &session, status, &content));
            }
            Ok(refused(&app, &session, &fields, &problem))
        }
    }
}

/// `POST /claim/stream`: the same as server-sent events, for the script.
pub(super) async fn stream(session: Session, fields: ClaimForm, pool: Pool) -> Response {
    let app = pool.app;
    match fields.claim_input(&app.config.catalogue) {
        Ok(input) => handlers::claim::stream(input, pool.claims).await,
        Err(problem) => refused(&app, &session, &fields, &problem),
    }
}

fn refused(app: &App, session: &Session, fields: &ClaimForm, problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    with_form(app, session, status, fields, Some(problem))
}

fn with_form(
    app: &App,
    session: &Session,
    status: StatusCode,
    fields: &ClaimForm,
    problem: Option<&Problem>,
) -> Response {
    let content = form::form(&app.config.catalogue, session, fields, problem);
    with_content(app, session, status, &content)
}

fn with_content(
    app: &App,
    session: &Session,
    status: StatusCode,
    content: &maud::Markup,
) -> Response {
    let page = page::layout(app, session, Some(Tab::Claim), "Claim an agent", content);
    reply::page(status, page)
}
