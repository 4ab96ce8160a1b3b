//! The roll-out of a pool on its page.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{PoolView, Rollout, RolloutRequest, RolloutState};
use agent_pool_core::wire::problem::Problem;
use chrono::Utc;
use maud::{Markup, html};
use warp::reply::Response;

use super::super::session::{Role, Session};
use super::super::{format, page, reply};
use crate::handlers::rollouts;
use crate::pool::Pool;

/// The latest roll-out, if there was one.
pub(super) fn section(session: &Session, pool: &PoolView) -> Markup {
    html! {
        @if let Some(rollout) = &pool.rollout {
            section aria-labelledby="rollout" data-part="rollout" {
                h2 #rollout { "Roll-out" }
                (facts(rollout))
                @if session.role == Role::Operator { (action(session, &pool.name, rollout.state)) }
            }
        }
    }
}

fn facts(rollout: &Rollout) -> Markup {
    let now = Utc::now();
    html! {
        dl {
            dt { "State" }
            dd {
                @if rollout.state == RolloutState::Stopped { span .tag.warn { "stopped" } }
                @else { (rollout.state.as_str()) }
            }
            @if let Some(cause) = &rollout.cause { dt { "Why" } dd { (cause) } }
            dt { "From" } dd .mono { (rollout.from) }
            dt { "To" } dd .mono { (rollout.to) }
            @if let Some(canary) = &rollout.canary {
                dt { "Canary" } dd .mono { a href={ "/instances/" (canary) } { (canary) } }
            }
            dt { "Replaced" } dd { (rollout.replaced) ", " (rollout.remaining) " left" }
            dt { "Begun" } dd { (format::ago(rollout.begun_at, now)) }
            @if let Some(by) = &rollout.changed_by { dt { "By" } dd { (by) } }
        }
    }
}

fn action(session: &Session, pool: &PoolName, state: RolloutState) -> Markup {
    let action = match state {
        RolloutState::Canary | RolloutState::Rolling => Some(("stop", "Stop")),
        RolloutState::Stopped => Some(("retry", "Retry")),
        RolloutState::Superseded | RolloutState::Done => None,
    };
    html! {
        @if let Some((action, word)) = action {
            form .actions method="post" action={ "/pools/" (pool) "/rollout" } {
                (page::csrf_field(session))
                input type="hidden" name="action" value=(action);
                button type="submit" { (word) }
            }
        }
    }
}

/// `POST /pools/:name/rollout`
pub(in crate::dashboard) async fn act(
    name: PoolName,
    _session: Session,
    form: RolloutRequest,
    pool: Pool,
) -> Result<Response, Problem> {
    Box::pin(rollouts::change(name.clone(), form, pool)).await?;
    Ok(reply::see_other(&format!("/pools/{name}")))
}
