//! What the pool asks of an instance: is it ready, and whose is it now.

use std::sync::Arc;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::runtime::{Health, ProvisionRequest, Provisioned};
use agent_pool_core::wire::{InviteUrl, JoinUrl};
use tracing::{info, warn};
use warp::hyper::body::Bytes;

use crate::acceptance;
use crate::http::{Failure, Json, parse};
use crate::join::{self, Guest};
use crate::runtime::Runtime;
use crate::store::{Agent, Saved};

/// Ready as soon as it listens: what it needs is read before.
pub(crate) async fn health() -> Json<Health> {
    Json(Health {
        ready: true,
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
    })
}

/// Makes the instance an agent.
///
/// The contract leaves a second call open. Here the same request again has the same answer, so that a
/// lost answer can be asked for once more, and any other request is a 409: an instance is one
/// person's.
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
        let detail = "the instance is another agent's already";
        Failure(Problem::new(ProblemCode::AlreadyProvisioned, detail))
    })?;
    if acceptance::begin(&agent, &runtime) {
        info!("the agent waits to be let into its conversation");
        return Ok(Json(acceptance::pending()));
    }
    let provisioned = enter(&agent, &runtime).await?;
    info!(joined = provisioned.joined, "the instance became an agent");
    Ok(Json(provisioned))
}

/// Brings the agent into the conversation that it is wanted in, or else into its own.
pub(crate) async fn enter(agent: &Agent, runtime: &Runtime) -> Result<Provisioned, Failure> {
    let Some(invitation) = &agent.request.join_url else {
        return Ok(Provisioned {
            conversation_id: Some(agent.conversation_id.clone()),
            invite_url: Some(runtime.invite_url(agent).into()),
            joined: false,
            status: None,
        });
    };
    let conversation_id = match &agent.joined {
        Some(conversation_id) => conversation_id.clone(),
        None => join(agent, invitation, runtime).await?,
    };
    Ok(Provisioned {
        conversation_id: Some(conversation_id),
        invite_url: Some(invitation.as_str().to_owned()),
        joined: true,
        status: None,
    })
}

/// Makes an instance clean again whose agent could not join its conversation. An agent that is in a conversation is
/// somebody's, and stays.
pub(crate) async fn reset(runtime: Arc<Runtime>) -> Result<Json<Health>, Failure> {
    let reset = runtime.store.change(Saved::reset).await;
    reset.map_err(not_written)?.map_err(|_| {
        let detail = "the instance is an agent in a conversation";
        Failure(Problem::new(ProblemCode::AlreadyProvisioned, detail))
    })?;
    info!("the instance was reset");
    Ok(health().await)
}

async fn join(agent: &Agent, invitation: &JoinUrl, runtime: &Runtime) -> Result<String, Failure> {
    let url = InviteUrl::try_from(String::from(runtime.invite_url(agent)));
    let name = agent.request.agent_name.clone();
    let guest = url.map(|url| Guest { name, url });
    let guest = guest.map_err(|error| not_joined(&anyhow::Error::msg(error)))?;
    let http = runtime
        .http
        .get()
        .map_err(|error| not_joined(&error.into()))?;
    let welcome = join::join(http, invitation, &guest).await;
    let conversation_id = welcome.map_err(|error| not_joined(&error))?.conversation_id;

    let joined = conversation_id.clone();
    let remember = runtime.store.change(|saved| {
        if let Some(agent) = &mut saved.agent {
            agent.joined = Some(joined);
        }
    });
    remember.await.map_err(not_written)?;
    Ok(conversation_id)
}

fn not_joined(error: &anyhow::Error) -> Failure {
    warn!("the conversation could not be joined: {error:#}");
    let detail = "the conversation at joinUrl could not be joined: it must be the link to an agent \
         of this runtime that is up";
    Failure(Problem::new(ProblemCode::JoinFailed, detail))
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
pub(crate) fn not_written(error: std::io::Error) -> Failure {
    tracing::error!(
        error.chain = agent_pool_core::chain(&error),
        "the data folder cannot be written"
    );
    let detail = "the instance cannot write its data folder";
    Failure(Problem::new(ProblemCode::NotWritten, detail))
}
