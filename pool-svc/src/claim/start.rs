//! Starting a claim, and waiting for its end.

use agent_pool_core::wire::pool::ClaimOutcome;
use agent_pool_service_kit::supervisor::Job;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{Instrument, info_span};

use super::context::{Claim, Claims};
use super::error::ClaimError;
use super::idempotency;
use super::input::ClaimInput;
use super::make::make;
use super::progress::Progress;
use crate::db::pools;

/// A claim that was started. Dropping it is a disconnect: the claim ends if it is only waiting, and finishes if it has
/// already taken an instance.
#[derive(Debug)]
pub(crate) struct StartedClaim {
    job: Job<Result<ClaimOutcome, ClaimError>>,
    client: DropGuard,
}

impl Claims {
    /// Starts a claim.
    pub(crate) fn start(&self, input: ClaimInput, progress: Progress) -> StartedClaim {
        let hung_up = CancellationToken::new();
        let client = hung_up.clone().drop_guard();
        let claim = Claim {
            shared: self.clone(),
            input,
            progress,
            hung_up,
        };
        let work = run(claim).instrument(info_span!("claim"));
        let job = self.background.tasks.spawn("claim", work);
        StartedClaim { job, client }
    }
}

impl StartedClaim {
    /// Waits for the end of the claim.
    pub(crate) async fn outcome(self) -> Result<ClaimOutcome, ClaimError> {
        let Self { job, client } = self;
        let outcome = job.await;
        drop(client);
        outcome.unwrap_or_else(|failed| Err(ClaimError::Aborted(failed)))
    }
}

async fn run(claim: Claim) -> Result<ClaimOutcome, ClaimError> {
    if let Some(link) = &claim.input.request.join_url {
        let schemes = &claim.shared.app.config.pool.join_url_schemes;
        schemes.check(link).map_err(ClaimError::UnusableLink)?;
    }
    check_pool(&claim).await?;
    match &claim.input.key {
        None => make(&claim, None).await,
        Some(key) => idempotency::run(&claim, key).await,
    }
}

/// Checks that the pool exists and that its policy allows the requested TTL. The pool `default` always exists and is
/// loaded only for its policy.
async fn check_pool(claim: &Claim) -> Result<(), ClaimError> {
    let (pool, ttl) = (claim.pool(), claim.input.request.ttl_seconds);
    if pool.is_default() && ttl.is_none() {
        return Ok(());
    }
    let mut conn = claim.shared.app.db.conn().await?;
    let found = pools::find(&mut conn, &pool).await?;
    let found = found.ok_or_else(|| ClaimError::UnknownPool(pool.clone()))?;
    match (ttl, found.spec.policy.ttl_seconds) {
        (Some(asked), Some(most)) if asked.seconds() > most => {
            Err(ClaimError::TtlTooLong { pool, most })
        }
        _ => Ok(()),
    }
}
