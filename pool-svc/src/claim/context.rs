//! What every claim works with.

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
use crate::db::claims::{NewAgent, Recorded, TakenInstance};
use crate::ops::destruction::Destructions;

/// Makes claims. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    pub(super) app: App,
    pub(super) background: Background,
    pub(super) destructions: Destructions,
    pub(super) queue: Arc<Queue>,
    pub(super) listener: Listener,
    /// Claims that have just come, and take the oldest idle instances of their pools together.
    pub(super) taking: Arc<Batcher<Newcomer, Option<TakenInstance>>>,
    /// Claims without a key that are recorded together.
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

    /// How long a claim that waits, or one with a key, counts as alive without a renewal.
    pub(super) fn lease(&self) -> Duration {
        self.app.config.pool.claim_lease_ms.duration()
    }

    /// How often a lease is renewed, and the queue is looked at without a notification: three times
    /// within a lease, so that one renewal may fail.
    pub(super) fn heartbeat(&self) -> Duration {
        self.lease() / 3
    }
}

/// A claim that has just come.
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
    /// Nobody waits for the answer any more.
    pub(super) hung_up: CancellationToken,
}

impl Claim {
    /// The pool to take an instance of.
    pub(super) fn pool(&self) -> PoolName {
        self.input.request.pool.clone().unwrap_or_default()
    }
}
