//! How an agent enters its conversation.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::runtime::Provisioned;
use agent_pool_core::wire::{InviteUrl, JoinUrl};
use tracing::warn;

use crate::http::Failure;
use crate::join::{self, Guest};
use crate::runtime::Runtime;
use crate::store::Agent;

/// Brings the agent into the requested conversation, or else into its own.
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
         of this runtime that is running";
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
