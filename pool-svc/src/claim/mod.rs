//! A claim: an idle instance becomes somebody's agent.
//!
//! It runs in a task of its own, so that it comes to its end when the client hangs up, and a shutdown
//! waits for it. An instance that fails before any side effect is idle again; after one it is
//! destroyed, so that nobody's instructions leak into another claim, and the claim moves on.

mod attempt;
mod error;
mod step;
pub(crate) mod stream;
mod verdict;

pub(crate) use error::ClaimError;
#[cfg(test)]
pub(crate) use {step::StepError, verdict::Fate};

use agent_pool_core::InstanceId;
use agent_pool_core::chain;
use agent_pool_core::wire::pool::{ClaimProgress, ClaimRequest, ClaimStep, Claimed};
use metrics::{counter, histogram};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument, info, info_span, warn};

use crate::app::App;
use crate::db::instances;
use attempt::{Attempt, Failed};
use verdict::Next;

/// How many instances one claim may use up. A request that every runtime fails on must not cost the
/// whole pool.
const MOST_ATTEMPTS: u32 = 3;

/// Where a claim tells of each step that is done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Option<UnboundedSender<ClaimProgress>>);

impl Progress {
    pub(crate) const fn to(listener: UnboundedSender<ClaimProgress>) -> Self {
        Self(Some(listener))
    }

    /// Tells of a step. Whether anybody still listens makes no difference to the claim.
    fn done(&self, step: ClaimStep, id: &InstanceId) {
        if let Some(listener) = &self.0 {
            let instance_id = id.clone();
            let _ = listener.send(ClaimProgress { step, instance_id });
        }
    }
}

/// Starts a claim. Dropping the handle does not stop it.
pub(crate) fn start(
    app: &App,
    request: ClaimRequest,
    progress: Progress,
) -> JoinHandle<Result<Claimed, ClaimError>> {
    let claim = run(app.clone(), request, progress);
    app.claims.spawn(claim.instrument(info_span!("claim")))
}

/// The end of a claim that was started.
pub(crate) async fn end(
    claim: JoinHandle<Result<Claimed, ClaimError>>,
) -> Result<Claimed, ClaimError> {
    claim
        .await
        .unwrap_or_else(|panic| Err(ClaimError::Aborted(panic)))
}

async fn run(app: App, request: ClaimRequest, progress: Progress) -> Result<Claimed, ClaimError> {
    let started = Instant::now();
    let outcome = one_after_another(&app, &request, &progress, started).await;
    let word = outcome
        .as_ref()
        .map_or_else(ClaimError::code, |_| "claimed");
    counter!("agent_pool_claims_total", "outcome" => word).increment(1);
    histogram!("agent_pool_claim_seconds").record(started.elapsed().as_secs_f64());
    match &outcome {
        Ok(claimed) => info!("instance {} is claimed", claimed.instance_id),
        Err(error) => warn!(error.chain = chain(error), "a claim failed: {error}"),
    }
    app.nudge.notify_one();
    outcome
}

/// Tries idle instances, the oldest first, until one is claimed.
async fn one_after_another(
    app: &App,
    request: &ClaimRequest,
    progress: &Progress,
    started: Instant,
) -> Result<Claimed, ClaimError> {
    let limit = app.config.pool.claim_timeout_ms.duration();
    let deadline = started + limit;
    let mut last = ClaimError::NoIdle;
    for _ in 0..MOST_ATTEMPTS {
        let lease = limit + attempt::LEASE_BEYOND_DEADLINE;
        let taken = instances::claim_oldest_idle(&mut *app.db.conn().await?, lease).await?;
        let Some(taken) = taken else {
            return Err(last);
        };
        progress.done(ClaimStep::Taken, &taken.id);
        let attempt = Attempt {
            app,
            request,
            progress,
            taken: &taken,
            deadline,
        };
        match attempt.run().await {
            Ok(claimed) => return Ok(claimed),
            Err(Failed {
                error,
                next: Next::MoveOn,
            }) => last = error,
            Err(Failed { error, .. }) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Err(ClaimError::TimedOut(limit));
        }
    }
    Err(last)
}
