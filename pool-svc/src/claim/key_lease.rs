//! The lease of a key, renewed while a claim works on it.

use std::convert::Infallible;

use agent_pool_core::chain;
use tokio::time::sleep;
use tracing::warn;

use super::context::Claim;
use crate::db::claim_keys::{self, Run};

pub(super) async fn keep_renewing(claim: &Claim, run: &Run) -> Infallible {
    let shared = &claim.shared;
    let renew = async || {
        let mut conn = shared.app.db.conn().await?;
        claim_keys::renew(&mut conn, run, shared.lease()).await
    };
    loop {
        sleep(shared.heartbeat()).await;
        if let Err(error) = renew().await {
            let error = chain(&error);
            warn!("the lease of a claim's key was not renewed: {error}");
        }
    }
}
