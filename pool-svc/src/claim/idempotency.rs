//! Claims with an `Idempotency-Key`: one claim, no matter how often it is requested and from which replica.
//!
//! The first request with a key is the leader: it makes the claim and renews the key's lease meanwhile. The answer is
//! recorded in the transaction that records the claim. All other requests are followers and get the same answer. If the
//! leader's replica dies, its lease expires and the next follower that checks becomes the leader; the dead leader's
//! instance is destroyed. If the old leader was only slow, it finds the key taken and records nothing.
//!
//! Followers that were waiting get a failure as their answer; a later request tries the claim again.

use agent_pool_core::chain;
use agent_pool_core::wire::pool::{ClaimOutcome, PendingClaim};
use agent_pool_core::wire::problem::Problem;
use tokio::time::sleep;
use tracing::warn;

use super::context::Claim;
use super::error::ClaimError;
use super::input::IdempotencyKey;
use super::listener::Subscription;
use super::make::make;
use crate::app::App;
use crate::db::claim_keys::{self, KeyState, Run, StoredFailure};
use crate::db::pending;

/// Leads or follows until the claim with this key has ended.
pub(super) async fn run(claim: &Claim, key: &IdempotencyKey) -> Result<ClaimOutcome, ClaimError> {
    // Absent members are omitted and members are in declaration order, so equal requests have equal texts.
    let request = serde_json::to_string(&claim.input.request)
        .expect("wire types are JSON objects with text keys");
    let shared = &claim.shared;
    // Subscribe before the first check, so that no later notification is missed.
    let mut subscription = shared.listener.subscribe();
    loop {
        let begun = {
            let App { db, config, .. } = &shared.app;
            let (mut conn, cipher) = (db.conn().await?, &config.cipher);
            claim_keys::begin(&mut conn, cipher, key.as_str(), &request, shared.lease()).await?
        };
        if let Some(run) = begun {
            match lead(claim, &run).await {
                Err(ClaimError::Superseded) => {}
                outcome => return outcome,
            }
        }
        if let Some(claimed) = follow(claim, key, &request, &mut subscription).await? {
            return Ok(claimed);
        }
    }
}

async fn lead(claim: &Claim, run: &Run) -> Result<ClaimOutcome, ClaimError> {
    let outcome = tokio::select! {
        outcome = make(claim, Some(run)) => outcome,
        never = claim.keep_key(run) => match never {},
    };
    let (failure, error) = match outcome {
        Err(ClaimError::Superseded) => return Err(ClaimError::Superseded),
        // Nobody received this failure, so the next request on any replica may make the claim.
        Err(error @ (ClaimError::HungUp | ClaimError::ShuttingDown)) => (None, error),
        Err(error) => {
            let problem = Problem::from(error);
            let failure = StoredFailure::from(problem.clone());
            (Some(failure), ClaimError::Repeated(Box::new(problem)))
        }
        Ok(claimed) => return Ok(claimed),
    };
    let end = async || {
        let App { db, config, .. } = &claim.shared.app;
        claim_keys::fail(
            &mut *db.conn().await?,
            &config.cipher,
            run,
            failure.as_ref(),
        )
        .await
    };
    if let Err(error) = end().await {
        let error = chain(&error);
        warn!("the key of a claim stays taken until its lease expires: {error}");
    }
    Err(error)
}

/// The current state of a claim that was answered as pending.
async fn load_pending_outcome(
    claim: &Claim,
    pending: &PendingClaim,
) -> Result<ClaimOutcome, ClaimError> {
    let App { db, config, .. } = &claim.shared.app;
    let mut conn = db.conn().await?;
    let outcome = pending::find_outcome(&mut conn, &config.cipher, &pending.instance_id).await?;
    outcome.ok_or_else(|| ClaimError::NotAccepted(pending.instance_id.clone()))
}

/// Waits for the end of another run of the key. `None` if there is no other run to wait for.
async fn follow(
    claim: &Claim,
    key: &IdempotencyKey,
    request: &str,
    subscription: &mut Subscription,
) -> Result<Option<ClaimOutcome>, ClaimError> {
    let shared = &claim.shared;
    let mut waited = false;
    loop {
        let record = {
            let App { db, config, .. } = &shared.app;
            let mut conn = db.conn().await?;
            claim_keys::find(&mut conn, &config.cipher, key.as_str(), request).await?
        };
        let Some(record) = record else {
            return Ok(None);
        };
        if !record.same_request {
            return Err(ClaimError::KeyReused);
        }
        match record.state {
            KeyState::Answered(ClaimOutcome::Pending(pending)) => {
                return load_pending_outcome(claim, &pending).await.map(Some);
            }
            KeyState::Answered(claimed) => return Ok(Some(claimed)),
            KeyState::Failed(failure) if waited => {
                return Err(ClaimError::Repeated(Box::new(failure.into())));
            }
            KeyState::Failed(_) | KeyState::Abandoned => return Ok(None),
            KeyState::InFlight => waited = true,
        }
        tokio::select! {
            biased;
            () = claim.hung_up.cancelled() => return Err(ClaimError::HungUp),
            () = shared.background.shutdown().wait() => return Err(ClaimError::ShuttingDown),
            () = subscription.notified(key.as_str()) => {}
            () = sleep(shared.heartbeat()) => {}
        }
    }
}
