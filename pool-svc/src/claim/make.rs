//! Making a claim: one instance after another is tried, until one is claimed.

use std::time::Duration;

use agent_pool_core::wire::pool::{ClaimOutcome, ClaimRequest, ClaimStep};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{InstanceId, chain};
use metrics::{counter, histogram};
use tokio::time::Instant;
use tracing::{info, warn};

use super::attempt::{Attempt, AttemptFailure};
use super::context::Claim;
use super::error::ClaimError;
use super::one_link::one_at_a_time;
use super::place::Place;
use super::verdict::Next;
use crate::app::App;
use crate::db::claim_keys::{self, Run};
use crate::db::{claim_refusals, instances};

/// How many instances one claim may use up. A request that fails on every runtime must not cost the
/// whole pool.
const MAX_USED_UP: usize = 3;

/// How long a request that failed through its own fault is refused without trying another instance.
const REFUSED_FOR: Duration = Duration::from_mins(10);

/// Makes the claim. `run` identifies it under its idempotency key.
pub(super) async fn make(claim: &Claim, run: Option<&Run>) -> Result<ClaimOutcome, ClaimError> {
    let started = Instant::now();
    let outcome = try_claim(claim, run).await;
    let word = match &outcome {
        Ok(ClaimOutcome::Claimed(_)) => "claimed".to_owned(),
        Ok(ClaimOutcome::Pending(_)) => "pending_acceptance".to_owned(),
        Err(error) => error.code().to_string(),
    };
    let launch = claim.progress.launch().as_str();
    let labels = [("launch", launch.to_owned()), ("outcome", word)];
    counter!("agent_pool_claims_total", &labels).increment(1);
    histogram!("agent_pool_claim_seconds", &labels).record(started.elapsed().as_secs_f64());
    match &outcome {
        Ok(ClaimOutcome::Claimed(claimed)) => info!("instance {} is claimed", claimed.instance_id),
        Ok(ClaimOutcome::Pending(pending)) => {
            info!(
                "the agent of instance {} waits to be accepted into its conversation",
                pending.instance_id
            );
        }
        Err(error) => warn!(error.chain = chain(error), "a claim failed: {error}"),
    }
    claim.shared.background.request_replenish();
    outcome
}

/// Claims, unless the same request was answered or refused before.
async fn try_claim(claim: &Claim, run: Option<&Run>) -> Result<ClaimOutcome, ClaimError> {
    let request = &claim.input.request;
    let Some(subject) = subject(request) else {
        return try_instances(claim, run).await;
    };
    let work = try_new(claim, run, &subject);
    match &request.join_url {
        Some(link) => one_at_a_time(claim, link, work).await,
        None => work.await,
    }
}

async fn try_new(
    claim: &Claim,
    run: Option<&Run>,
    subject: &str,
) -> Result<ClaimOutcome, ClaimError> {
    if let Some(outcome) = find_earlier(claim, subject, run).await? {
        return Ok(outcome);
    }
    match try_instances(claim, run).await {
        Err(error @ (ClaimError::RuntimeRefused { .. } | ClaimError::JoinFailed { .. })) => {
            let problem = Problem::from(error);
            remember_refusal(claim, subject, &problem).await;
            Err(ClaimError::Repeated(Box::new(problem)))
        }
        outcome => outcome,
    }
}

/// The text under which a refusal of this request is remembered. `None` for an empty request: it contains nothing that
/// could be at fault.
fn subject(request: &ClaimRequest) -> Option<String> {
    match &request.join_url {
        // Only the link counts, because the link is what failed.
        Some(link) => Some(format!("joinUrl {}", link.as_str())),
        None if *request == ClaimRequest::default() => None,
        None => Some(serde_json::to_string(request).expect("a wire type is a JSON object")),
    }
}

/// The agent that joined through the same link, or the refusal of the same request.
async fn find_earlier(
    claim: &Claim,
    subject: &str,
    run: Option<&Run>,
) -> Result<Option<ClaimOutcome>, ClaimError> {
    let App { db, config, .. } = &claim.shared.app;
    let (mut conn, cipher) = (db.conn().await?, &config.cipher);
    if let Some(problem) = claim_refusals::find(&mut conn, cipher, subject).await? {
        return Err(ClaimError::Repeated(Box::new(problem)));
    }
    let Some(link) = &claim.input.request.join_url else {
        return Ok(None);
    };
    let claimed = instances::find_joined(&mut conn, cipher, link).await?;
    if let (Some(run), Some(claimed)) = (run, &claimed) {
        claim_keys::answer(&mut conn, cipher, run, claimed).await?;
    }
    Ok(claimed)
}

async fn remember_refusal(claim: &Claim, subject: &str, problem: &Problem) {
    let remember = async || {
        let App { db, config, .. } = &claim.shared.app;
        let mut conn = db.conn().await?;
        claim_refusals::insert(&mut conn, &config.cipher, subject, problem, REFUSED_FOR).await
    };
    if let Err(error) = remember().await {
        let error = chain(&error);
        warn!("the refusal of a claim was not stored: {error}");
    }
}

/// Tries idle instances, the oldest first, until one is claimed.
async fn try_instances(claim: &Claim, run: Option<&Run>) -> Result<ClaimOutcome, ClaimError> {
    let limit = claim.shared.app.config.pool.claim_timeout_ms.duration();
    let mut deadline = Instant::now() + limit;
    let mut place = Place::new(claim);
    let mut busy: Vec<InstanceId> = Vec::new();
    let mut used_up = Vec::new();
    loop {
        let asked = Instant::now();
        let taken = match place.next(&busy).await {
            Ok(taken) => taken,
            Err(none @ ClaimError::NoIdle(_)) => return Err(used_up.pop().unwrap_or(none)),
            Err(error) => return Err(error),
        };
        // Waiting in the queue does not count towards the time limit of the claim.
        deadline += asked.elapsed();
        let _lease = claim.shared.background.leases.hold(&taken.id);
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
                | Next::Unfit
                | Next::JoinFailed
                | Next::DatabaseFailed => return Err(error),
            },
        }
        if Instant::now() >= deadline {
            return Err(ClaimError::TimedOut(limit));
        }
    }
}
