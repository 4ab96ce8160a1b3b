//! Serialises claims with the same join link across all replicas, so that the second one finds the agent of the first.
//!
//! The link is a key in table `claim_keys` that is held but never answered. It is stored as one fingerprint per key of
//! `POOL_ENCRYPTION_KEY`: during a rotation, replicas that share at least one key exclude each other.

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
use crate::app::App;
use crate::db::claim_keys::{self, Run};

type Work<'a> = BoxFuture<'a, Result<ClaimOutcome, ClaimError>>;

/// Runs `work` while no other claim with `link` runs.
pub(super) async fn one_at_a_time(
    claim: &Claim,
    link: &JoinUrl,
    work: impl Future<Output = Result<ClaimOutcome, ClaimError>> + Send,
) -> Result<ClaimOutcome, ClaimError> {
    let keys = keys(&claim.shared.app.config.cipher, link);
    holding(claim, &keys, work.boxed()).await
}

/// Runs the work while this claim holds all `keys`.
fn holding<'a>(claim: &'a Claim, keys: &'a [String], work: Work<'a>) -> Work<'a> {
    let Some((key, rest)) = keys.split_first() else {
        return work;
    };
    async move {
        let run = begin(claim, key).await?;
        let outcome = tokio::select! {
            outcome = holding(claim, rest, work) => outcome,
            never = claim.keep_key(&run) => match never {},
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
    // Subscribe before the first check, so that no later notification is missed.
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

/// The space keeps these keys apart from clients' keys. All replicas take them in the same order, so that they cannot
/// deadlock.
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
