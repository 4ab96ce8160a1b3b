//! A join that a person has to accept: the provision answers at once, and the pool is told the outcome later. Who
//! accepts is played by a pause.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::wire::runtime::{Acceptance, ProvisionStatus, Provisioned};
use reqwest::StatusCode;
use tokio::time::sleep;
use tracing::{info, warn};
use url::Url;

use crate::enter::enter;
use crate::runtime::Runtime;
use crate::store::Agent;

/// How often the pool is told before it is left to its deadline, and the pause between two tries.
const TRIES: u32 = 10;
const AGAIN_AFTER: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the agent has to wait; it goes on waiting after this returns. Asked again it waits twice, and the pool is told
/// the same twice.
pub(crate) fn begin(agent: &Agent, runtime: &Arc<Runtime>) -> bool {
    let (Some(wait), Some(callback)) = (runtime.approval, agent.request.callback_url.clone())
    else {
        return false;
    };
    let waits = agent.request.join_url.is_some() && agent.joined.is_none();
    if waits {
        let (agent, runtime) = (agent.clone(), Arc::clone(runtime));
        tokio::spawn(async move {
            sleep(wait).await;
            let outcome = outcome(&agent, &runtime).await;
            tell(&runtime, callback, &outcome).await;
        });
    }
    waits
}

/// The answer to a provision that waits.
pub(crate) const fn pending() -> Provisioned {
    Provisioned {
        conversation_id: None,
        invite_url: None,
        joined: false,
        status: Some(ProvisionStatus::PendingAcceptance),
    }
}

async fn outcome(agent: &Agent, runtime: &Runtime) -> Acceptance {
    match enter(agent, runtime).await {
        Ok(provisioned) => Acceptance {
            conversation_id: provisioned.conversation_id,
            invite_url: provisioned.invite_url,
            joined: provisioned.joined,
            ..Acceptance::default()
        },
        Err(failure) => Acceptance {
            code: Some(failure.0.code),
            detail: Some(failure.0.detail),
            ..Acceptance::default()
        },
    }
}

/// Whether the pool may answer otherwise later.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

async fn tell(runtime: &Runtime, callback: Url, outcome: &Acceptance) {
    let (Ok(http), Some(key)) = (runtime.http.get(), runtime.own_key()) else {
        return warn!("the pool cannot be told that the agent was let in");
    };
    for _ in 0..TRIES {
        let request = http.post(callback.clone()).bearer_auth(key.expose());
        match request.timeout(TIMEOUT).json(outcome).send().await {
            Ok(answer) if !may_pass(answer.status()) => {
                return info!(
                    "reported the outcome to Pool, which answered {}",
                    answer.status()
                );
            }
            Ok(answer) => warn!("the pool answered {}", answer.status()),
            Err(error) => warn!("the pool cannot be told: {error}"),
        }
        sleep(AGAIN_AFTER).await;
    }
}
