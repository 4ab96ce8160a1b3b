//! The context that all claims share.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::PoolName;
use agent_pool_service_kit::auth::Principal;
use tokio_util::sync::CancellationToken;

use super::batch::Batcher;
use super::input::ClaimInput;
use super::listener::Listener;
use super::progress::Progress;
use super::queue::Queue;
use crate::app::App;
use crate::background::Background;
use crate::db::claim_keys::{self, Run};
use crate::db::claims::{NewAgent, Recorded, TakenInstance};
use crate::ops::destruction::Destructions;
use crate::renewal;

/// Makes claims. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    pub(super) app: App,
    pub(super) background: Background,
    pub(super) destructions: Destructions,
    pub(super) queue: Arc<Queue>,
    pub(super) listener: Listener,
    /// Batches claims that have just arrived: they take the oldest idle instances of their pools together.
    pub(super) taking: Arc<Batcher<Newcomer, Option<TakenInstance>>>,
    /// Batches claims without a key: they are recorded together.
    pub(super) recording: Arc<Batcher<NewAgent, Recorded>>,
}

impl Claims {
    pub(crate) fn new(app: App, background: Background, destructions: Destructions) -> Self {
        Self {
            app,
            background,
            destructions,
            queue: Arc::default(),
            listener: Listener::default(),
            taking: Arc::default(),
            recording: Arc::default(),
        }
    }

    /// How long a waiting claim, or a claim with a key, counts as alive without a renewal.
    pub(super) fn lease(&self) -> Duration {
        self.app.config.pool.claim_lease_ms.duration()
    }

    /// How often a lease is renewed, and the queue is read without a notification.
    pub(super) fn heartbeat(&self) -> Duration {
        renewal::period(self.lease())
    }
}

/// A claim that has just arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Newcomer {
    pub(super) pool: PoolName,
    pub(super) by: Option<Principal>,
}

/// One claim.
pub(super) struct Claim {
    pub(super) shared: Claims,
    pub(super) input: ClaimInput,
    pub(super) progress: Progress,
    /// The client has disconnected.
    pub(super) hung_up: CancellationToken,
}

impl Claim {
    /// The pool to take an instance from.
    pub(super) fn pool(&self) -> PoolName {
        self.input.request.pool.clone().unwrap_or_default()
    }

    /// Renews the lease of a key while this claim works on it.
    pub(super) async fn keep_key(&self, run: &Run) -> Infallible {
        let shared = &self.shared;
        let renew = || async {
            let mut conn = shared.app.db.conn().await?;
            claim_keys::renew(&mut conn, run, shared.lease()).await
        };
        renewal::keep_renewing("the lease of a claim's key", shared.lease(), renew).await
    }
}
