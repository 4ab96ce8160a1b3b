//! The calls of the pool: health, provision, variables and reset.

use std::sync::Arc;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::runtime::{Health, ProvisionRequest, Provisioned, Variables};
use tracing::info;
use warp::hyper::body::Bytes;

use crate::acceptance;
use crate::enter::{enter, not_written};
use crate::http::{Failure, Json, parse};
use crate::runtime::Runtime;
use crate::store::Saved;

/// Ready as soon as it listens, because everything is loaded before.
pub(crate) async fn health(runtime: Arc<Runtime>) -> Json<Health> {
    let look = |saved: &Saved| (saved.agent.is_some(), saved.last_activity);
    let (provisioned, last_activity) = runtime.store.read(look).await;
    Json(Health {
        ready: true,
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        provisioned: Some(provisioned),
        last_activity,
        variables: Some(true),
    })
}

/// Makes the instance an agent.
///
/// The contract leaves open what a second call does. Here the same request gets the same answer, so that it can be
/// repeated after a lost answer, and any other request gets 409: an instance belongs to one person.
pub(crate) async fn provision(
    body: Bytes,
    runtime: Arc<Runtime>,
) -> Result<Json<Provisioned>, Failure> {
    let request: ProvisionRequest = parse(&body)?;
    if request.instructions.as_str().is_empty() {
        let problem = Problem::new(ProblemCode::InvalidField, "instructions must not be empty");
        return Err(Failure(problem.with_field("instructions")));
    }
    let agent = runtime.store.change(|saved| saved.become_agent(request));
    let agent = agent.await.map_err(not_written)?.map_err(|_| {
        let detail = "the instance already runs another agent";
        Failure(Problem::new(ProblemCode::AlreadyProvisioned, detail))
    })?;
    if acceptance::begin(&agent, &runtime) {
        info!("the agent waits to be accepted into its conversation");
        return Ok(Json(acceptance::pending()));
    }
    let provisioned = enter(&agent, &runtime).await?;
    info!(joined = provisioned.joined, "the instance became an agent");
    Ok(Json(provisioned))
}

/// Stores variables that the agent uses from now on: those of tools that were added or released.
pub(crate) async fn variables(body: Bytes, runtime: Arc<Runtime>) -> Result<Json<Health>, Failure> {
    let Variables { variables } = parse(&body)?;
    let taken = runtime
        .store
        .change(|saved| saved.variables.merge(variables));
    taken.await.map_err(not_written)?;
    info!("the instance received variables");
    Ok(health(runtime).await)
}

/// Resets an instance whose agent could not join its conversation. An agent that is in a conversation belongs to a
/// person, and stays.
pub(crate) async fn reset(runtime: Arc<Runtime>) -> Result<Json<Health>, Failure> {
    let reset = runtime.store.change(Saved::reset).await;
    reset.map_err(not_written)?.map_err(|_| {
        let detail = "the instance runs an agent in a conversation";
        Failure(Problem::new(ProblemCode::AlreadyProvisioned, detail))
    })?;
    info!("the instance was reset");
    Ok(health(runtime).await)
}
