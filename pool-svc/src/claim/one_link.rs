//! Claims with one and the same join link: one after the other, over all replicas, so that a second one finds the agent
//! of the first.
//!
//! The link is a key of table `claim_keys`, which is held and never answered.

use agent_pool_core::chain;
use agent_pool_core::wire::JoinUrl;
use agent_pool_core::wire::pool::ClaimOutcome;
use sha2::{Digest, Sha256};
use tokio::time::sleep;
use tracing::warn;

use super::context::Claim;
use super::error::ClaimError;
use super::key_lease::keep_renewing;
use crate::app::App;
use crate::db::claim_keys::{self, Run};

/// Makes a claim with `link` while no other one is made with it.
pub(super) async fn one_at_a_time(
    claim: &Claim,
    link: &JoinUrl,
    work: impl Future<Output = Result<ClaimOutcome, ClaimError>>,
) -> Result<ClaimOutcome, ClaimError> {
    let run = begin(claim, &key(link)).await?;
    let outcome = tokio::select! {
        outcome = work => outcome,
        never = keep_renewing(claim, &run) => match never {},
    };
    let App { db, config, .. } = &claim.shared.app;
    let end = async || {
        let mut conn = db.conn().await?;
        claim_keys::fail(&mut conn, &config.cipher, &run, None).await
    };
    if let Err(error) = end().await {
        let error = chain(&error);
        warn!("the link of a claim stays taken until its lease expires: {error}");
    }
    outcome
}

async fn begin(claim: &Claim, key: &str) -> Result<Run, ClaimError> {
    let shared = &claim.shared;
    // Subscribed before the first look, so that nothing after it is missed.
    let mut subscription = shared.listener.subscribe();
    loop {
        let mut conn = shared.app.db.conn().await?;
        let begun = claim_keys::begin(&mut conn, key, "", shared.lease()).await?;
        drop(conn);
        if let Some(run) = begun {
            return Ok(run);
        }
        tokio::select! {
            biased;
            () = claim.hung_up.cancelled() => return Err(ClaimError::HungUp),
            () = shared.background.shutdown().wait() => return Err(ClaimError::ShuttingDown),
            () = subscription.notified(key) => {}
            () = sleep(shared.heartbeat()) => {}
        }
    }
}

/// No client's key: it has a space.
fn key(link: &JoinUrl) -> String {
    let hash = Sha256::digest(link.as_str());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("link {hash}")
}
