//! Claims with one and the same join link: one after the other, over all replicas, so that a second one finds the agent
//! of the first.
//!
//! The link is a key of table `claim_keys`, which is held and never answered. It is stored as a fingerprint, one for each
//! key of `POOL_ENCRYPTION_KEY`: in the middle of a rotation, replicas that have one key in common exclude each other.

use agent_pool_core::chain;
use agent_pool_core::wire::JoinUrl;
use agent_pool_core::wire::pool::ClaimOutcome;
use agent_pool_service_kit::cipher::Cipher;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::sleep;
use tracing::warn;

use super::context::Claim;
use super::error::ClaimError;
use super::key_lease::keep_renewing;
use crate::app::App;
use crate::db::claim_keys::{self, Run};

type Work<'a> = BoxFuture<'a, Result<ClaimOutcome, ClaimError>>;

/// Makes a claim with `link` while no other one is made with it.
pub(super) async fn one_at_a_time(
    claim: &Claim,
    link: &JoinUrl,
    work: impl Future<Output = Result<ClaimOutcome, ClaimError>> + Send,
) -> Result<ClaimOutcome, ClaimError> {
    let keys = keys(&claim.shared.app.config.cipher, link);
    holding(claim, &keys, work.boxed()).await
}

/// Does the work while this claim holds all `keys`.
fn holding<'a>(claim: &'a Claim, keys: &'a [String], work: Work<'a>) -> Work<'a> {
    let Some((key, rest)) = keys.split_first() else {
        return work;
    };
    async move {
        let run = begin(claim, key).await?;
        let outcome = tokio::select! {
            outcome = holding(claim, rest, work) => outcome,
            never = keep_renewing(claim, &run) => match never {},
        };
        end(claim, &run).await;
        outcome
    }
    .boxed()
}

async fn end(claim: &Claim, run: &Run) {
    let App { db, config, .. } = &claim.shared.app;
    let end = async || {
        let mut conn = db.conn().await?;
        claim_keys::fail(&mut conn, &config.cipher, run, None).await
    };
    if let Err(error) = end().await {
        let error = chain(&error);
        warn!("the link of a claim stays taken until its lease expires: {error}");
    }
}

async fn begin(claim: &Claim, key: &str) -> Result<Run, ClaimError> {
    let shared = &claim.shared;
    // Subscribed before the first look, so that nothing after it is missed.
    let mut subscription = shared.listener.subscribe();
    loop {
        let mut conn = shared.app.db.conn().await?;
        let begun = claim_keys::begin_without_request(&mut conn, key, shared.lease()).await?;
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

/// No client's keys: they have a space. In one order for all replicas, so that none waits for another in a circle.
fn keys(cipher: &Cipher, link: &JoinUrl) -> Vec<String> {
    let name = |fingerprint: Vec<u8>| {
        let hex: String = fingerprint
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("link {hex}")
    };
    let fingerprints = cipher.shared_fingerprints(link.as_str());
    let mut keys: Vec<String> = fingerprints.into_iter().map(name).collect();
    keys.sort();
    keys
}
