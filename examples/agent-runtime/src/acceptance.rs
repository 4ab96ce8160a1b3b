//! A join that a person has to accept: the provision answers at once, and the outcome is reported to the pool later. A
//! delay simulates the person.

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

/// Attempts to report the outcome, before it is left to the pool's deadline.
const TRIES: u32 = 10;
const AGAIN_AFTER: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the agent has to wait, which it does in the background. A repeated request waits again, and the outcome is
/// reported twice.
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

/// The answer to a provision whose agent waits.
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

/// Whether another attempt may succeed.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

async fn tell(runtime: &Runtime, callback: Url, outcome: &Acceptance) {
    let (Ok(http), Some(key)) = (runtime.http.get(), runtime.own_key()) else {
        return warn!("cannot report the outcome of the join to Pool");
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
            Ok(answer) => warn!("reporting the outcome failed with {}", answer.status()),
            Err(error) => warn!("cannot report the outcome to Pool: {error}"),
        }
        sleep(AGAIN_AFTER).await;
    }
}
