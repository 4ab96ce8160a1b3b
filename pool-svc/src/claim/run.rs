//! A claim from its start to its end: one instance after another, until one is somebody's.

use agent_pool_core::wire::pool::{ClaimStep, Claimed};
use agent_pool_core::{InstanceId, chain};
use metrics::{counter, histogram};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{Instrument, info, info_span, warn};

use super::attempt::{Attempt, Failed};
use super::place::Place;
use super::verdict::Next;
use super::{ClaimError, Order, Progress, idempotency};
use crate::app::App;
use crate::db::claim_keys::Run;

/// How many instances one claim may use up. A request that every runtime fails on must not cost the
/// whole pool.
const MOST_USED_UP: usize = 3;

/// A claim that was started. To drop it is to hang up: the claim ends if it only waits, and goes on
/// once it has taken an instance.
#[derive(Debug)]
pub(crate) struct Started {
    end: JoinHandle<Result<Claimed, ClaimError>>,
    client: DropGuard,
}

/// Starts a claim.
pub(crate) fn start(app: &App, order: Order, progress: Progress) -> Started {
    let hung_up = CancellationToken::new();
    let client = hung_up.clone().drop_guard();
    let claim = Claim {
        app: app.clone(),
        order,
        progress,
        hung_up,
    };
    let end = app
        .claims
        .spawn(claim.run().instrument(info_span!("claim")));
    Started { end, client }
}

impl Started {
    /// The end of the claim.
    pub(crate) async fn end(self) -> Result<Claimed, ClaimError> {
        let Self { end, client } = self;
        let end = end.await;
        drop(client);
        end.unwrap_or_else(|panic| Err(ClaimError::Aborted(panic)))
    }
}

/// A claim under way.
pub(super) struct Claim {
    pub(super) app: App,
    pub(super) order: Order,
    pub(super) progress: Progress,
    /// Nobody waits for its answer any more.
    pub(super) hung_up: CancellationToken,
}

impl Claim {
    async fn run(self) -> Result<Claimed, ClaimError> {
        match &self.order.key {
            None => self.make(None).await,
            Some(key) => idempotency::run(&self, key).await,
        }
    }

    /// Makes the claim; `run` is what its key knows it by.
    pub(super) async fn make(&self, run: Option<&Run>) -> Result<Claimed, ClaimError> {
        let started = Instant::now();
        let outcome = self.one_after_another(run).await;
        let word = outcome
            .as_ref()
            .map_or_else(|error| error.code().to_string(), |_| "claimed".to_owned());
        counter!("agent_pool_claims_total", "outcome" => word).increment(1);
        histogram!("agent_pool_claim_seconds").record(started.elapsed().as_secs_f64());
        match &outcome {
            Ok(claimed) => info!("instance {} is claimed", claimed.instance_id),
            Err(error) => warn!(error.chain = chain(error), "a claim failed: {error}"),
        }
        self.app.nudge.notify_one();
        outcome
    }

    /// Tries idle instances, the oldest first, until one is claimed.
    async fn one_after_another(&self, run: Option<&Run>) -> Result<Claimed, ClaimError> {
        let limit = self.app.config.pool.claim_timeout_ms.duration();
        let mut deadline = Instant::now() + limit;
        let mut place = Place::new(self);
        let mut busy: Vec<InstanceId> = Vec::new();
        let mut used_up = Vec::new();
        loop {
            let asked = Instant::now();
            let taken = match place.next(&busy).await {
                Ok(taken) => taken,
                Err(ClaimError::NoIdle) => return Err(used_up.pop().unwrap_or(ClaimError::NoIdle)),
                Err(error) => return Err(error),
            };
            // The time of waiting is not the time of claiming.
            deadline += asked.elapsed();
            self.progress.done(ClaimStep::Taken, &taken.id);
            let attempt = Attempt {
                claim: self,
                taken: &taken,
                deadline,
                run,
            };
            match attempt.run().await {
                Ok(claimed) => return Ok(claimed),
                Err(Failed { error, next }) => match next {
                    Next::PassOver => busy.push(taken.id),
                    Next::MoveOn if used_up.len() + 1 < MOST_USED_UP => used_up.push(error),
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
}
