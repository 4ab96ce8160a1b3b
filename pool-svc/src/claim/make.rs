//! Making a claim: one instance after another is tried, until one is claimed.

use agent_pool_core::wire::pool::{ClaimStep, Claimed};
use agent_pool_core::{InstanceId, chain};
use metrics::{counter, histogram};
use tokio::time::Instant;
use tracing::{info, warn};

use super::attempt::{Attempt, AttemptFailure};
use super::context::Claim;
use super::error::ClaimError;
use super::place::Place;
use super::verdict::Next;
use crate::db::claim_keys::Run;

/// How many instances one claim may use up. A request that fails on every runtime must not cost the
/// whole pool.
const MAX_USED_UP: usize = 3;

/// Makes the claim. `run` is what its key knows it by.
pub(super) async fn make(claim: &Claim, run: Option<&Run>) -> Result<Claimed, ClaimError> {
    let started = Instant::now();
    let outcome = try_instances(claim, run).await;
    let word = outcome
        .as_ref()
        .map_or_else(|error| error.code().to_string(), |_| "claimed".to_owned());
    counter!("agent_pool_claims_total", "outcome" => word).increment(1);
    histogram!("agent_pool_claim_seconds").record(started.elapsed().as_secs_f64());
    match &outcome {
        Ok(claimed) => info!("instance {} is claimed", claimed.instance_id),
        Err(error) => warn!(error.chain = chain(error), "a claim failed: {error}"),
    }
    claim.shared.background.request_tick();
    outcome
}

/// Tries idle instances, the oldest first, until one is claimed.
async fn try_instances(claim: &Claim, run: Option<&Run>) -> Result<Claimed, ClaimError> {
    let limit = claim.shared.app.config.pool.claim_timeout_ms.duration();
    let mut deadline = Instant::now() + limit;
    let mut place = Place::new(claim);
    let mut busy: Vec<InstanceId> = Vec::new();
    let mut used_up = Vec::new();
    loop {
        let asked = Instant::now();
        let taken = match place.next(&busy).await {
            Ok(taken) => taken,
            Err(ClaimError::NoIdle) => return Err(used_up.pop().unwrap_or(ClaimError::NoIdle)),
            Err(error) => return Err(error),
        };
        // The time of waiting does not count as time of claiming.
        deadline += asked.elapsed();
        claim.progress.step_done(ClaimStep::Taken, &taken.id);
        let attempt = Attempt {
            claim,
            taken: &taken,
            deadline,
            run,
        };
        match attempt.run().await {
            Ok(claimed) => return Ok(claimed),
            Err(AttemptFailure { error, next }) => match next {
                Next::PassOver => busy.push(taken.id),
                Next::MoveOn if used_up.len() + 1 < MAX_USED_UP => used_up.push(error),
                Next::MoveOn
                | Next::Superseded
                | Next::ServicesUnavailable
                | Next::ServicesRefused
                | Next::RuntimeRefused
                | Next::DatabaseFailed => return Err(error),
            },
        }
        if Instant::now() >= deadline {
            return Err(ClaimError::TimedOut(limit));
        }
    }
}
