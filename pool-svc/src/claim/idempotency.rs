//! Claims with an `Idempotency-Key`: one claim, however often it is asked for and of whom.
//!
//! Who finds a key that nobody works on leads: it makes the claim, and renews the key's lease meanwhile.
//! The success is on record in the one transaction that makes the instance somebody's. Everybody else
//! follows, and gets the same answer. Where the leader's replica dies, its lease ends, and the next who
//! looks leads; the dead one's instance is destroyed by a tick. Should it come back, it finds the key
//! taken, and records nothing.
//!
//! A failure is the answer to those who waited for it; who asks later has the claim tried again.

use std::convert::Infallible;

use agent_pool_core::chain;
use agent_pool_core::wire::pool::Claimed;
use agent_pool_core::wire::problem::Problem;
use tokio::time::sleep;
use tracing::warn;

use super::bell::Ear;
use super::order::IdempotencyKey;
use super::{Claim, ClaimError};
use crate::db::claim_keys::{self, Failure, Run, State};

/// Leads or follows, until the claim of this key has ended.
pub(super) async fn run(claim: &Claim, key: &IdempotencyKey) -> Result<Claimed, ClaimError> {
    // Absent members are left out and the order is that of the type: equal requests, equal texts.
    let request = serde_json::to_string(&claim.order.request)
        .expect("wire types are JSON objects with texts as keys");
    let lease = claim.app.config.pool.claim_lease_ms.duration();
    // Before the first look, so that nothing is missed after it.
    let mut ear = claim.app.bell.listen();
    loop {
        let begun = {
            let mut conn = claim.app.db.conn().await?;
            claim_keys::begin(&mut conn, key.as_str(), &request, lease).await?
        };
        if let Some(run) = begun {
            match lead(claim, &run).await {
                Err(ClaimError::Superseded) => {}
                outcome => return outcome,
            }
        }
        if let Some(claimed) = follow(claim, key, &request, &mut ear).await? {
            return Ok(claimed);
        }
    }
}

async fn lead(claim: &Claim, run: &Run) -> Result<Claimed, ClaimError> {
    let outcome = tokio::select! {
        outcome = claim.make(Some(run)) => outcome,
        never = keep_alive(claim, run) => match never {},
    };
    let (failure, error) = match outcome {
        Err(ClaimError::Superseded) => return Err(ClaimError::Superseded),
        // Nobody was told that it failed: whoever asks next, here or elsewhere, may have it.
        Err(error @ (ClaimError::HungUp | ClaimError::ShuttingDown)) => (None, error),
        Err(error) => {
            let problem = Problem::from(error);
            let failure = Failure::from(problem.clone());
            (Some(failure), ClaimError::Told(Box::new(problem)))
        }
        Ok(claimed) => return Ok(claimed),
    };
    let end = async || {
        let mut conn = claim.app.db.conn().await?;
        claim_keys::fail(&mut conn, run, failure.as_ref()).await
    };
    if let Err(error) = end().await {
        let error = chain(&error);
        warn!("a claim's key is free again when its lease expires: {error}");
    }
    Err(error)
}

async fn keep_alive(claim: &Claim, run: &Run) -> Infallible {
    let app = &claim.app;
    let renew = async || {
        let mut conn = app.db.conn().await?;
        claim_keys::renew(&mut conn, run, app.config.pool.claim_lease_ms.duration()).await
    };
    loop {
        sleep(app.beat()).await;
        if let Err(error) = renew().await {
            let error = chain(&error);
            warn!("the lease of a claim's key is not renewed: {error}");
        }
    }
}

/// Waits for the end of another's run; `None` where there is none to wait for any more.
async fn follow(
    claim: &Claim,
    key: &IdempotencyKey,
    request: &str,
    ear: &mut Ear,
) -> Result<Option<Claimed>, ClaimError> {
    let app = &claim.app;
    let mut waited = false;
    loop {
        let seen = {
            let mut conn = app.db.conn().await?;
            claim_keys::find(&mut conn, key.as_str(), request).await?
        };
        let Some(seen) = seen else { return Ok(None) };
        if !seen.same_request {
            return Err(ClaimError::KeyReused);
        }
        match seen.state {
            State::Answered(claimed) => return Ok(Some(claimed)),
            State::Failed(failure) if waited => {
                return Err(ClaimError::Told(Box::new(failure.into())));
            }
            State::Failed(_) | State::Abandoned => return Ok(None),
            State::InFlight => waited = true,
        }
        tokio::select! {
            biased;
            () = claim.hung_up.cancelled() => return Err(ClaimError::HungUp),
            () = app.queue.closes() => return Err(ClaimError::ShuttingDown),
            () = ear.hears(key.as_str()) => {}
            () = sleep(app.beat()) => {}
        }
    }
}
