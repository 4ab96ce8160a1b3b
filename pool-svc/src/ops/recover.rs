//! Taking over the work of replicas that died, within seconds: a dead replica renews no leases.
//!
//! What a pass does is idempotent, guarded by the statements, and shared among the replicas by row locks.
//! A claim cannot be taken over, because its client is gone with its replica: its instance is destroyed.

use std::time::Duration;

use agent_pool_client::HEALTH_WITHIN;
use agent_pool_core::{InstanceId, Secret, chain};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::shutdown::Shutdown;
use diesel_async::AsyncPgConnection;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::destruction::Destructions;
use super::settle;
use super::warm_up::Creations;
use crate::app::App;
use crate::background::Background;
use crate::db::views::RuntimeAddress;
use crate::db::{instances, leases, views};
use crate::runtime_keys::{self, try_each};

/// Most instances of which one pass checks the health.
const MAX_CHECKED: u16 = 64;

/// Takes over work. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Recovery {
    app: App,
    background: Background,
    creations: Creations,
    destructions: Destructions,
}

impl Recovery {
    pub(crate) fn new(
        app: App,
        background: Background,
        creations: Creations,
        destructions: Destructions,
    ) -> Self {
        Self {
            app,
            background,
            creations,
            destructions,
        }
    }

    /// Renews the leases of this replica, until shutdown has ended its work.
    pub(crate) fn keep_renewing(&self) {
        let recovery = self.clone();
        self.background.tasks.keep("renew_leases", move |shutdown| {
            recovery.clone().renew_until(shutdown)
        });
    }

    /// Takes over what other replicas left behind, until shutdown.
    pub(crate) fn keep_recovering(&self) {
        let recovery = self.clone();
        self.background.tasks.keep("recover", move |shutdown| {
            recovery.clone().recover_until(shutdown)
        });
    }

    fn lease(&self) -> Duration {
        self.app.config.pool.pool_work_lease_ms.duration()
    }

    /// Three times within a lease, so that one renewal may fail.
    fn period(&self) -> Duration {
        self.lease() / 3
    }

    async fn renew_until(self, shutdown: Shutdown) {
        // Claims and creations go on after a shutdown began, and end in a while.
        while !shutdown.is_triggered() || !self.background.leases.ids().is_empty() {
            tokio::select! {
                () = sleep(self.period()) => {}
                () = shutdown.wait(), if !shutdown.is_triggered() => {}
            }
            if let Err(error) = self.renew().await {
                warn!(
                    error.chain = chain(&error),
                    "leases were not renewed: {error}"
                );
            }
        }
    }

    async fn renew(&self) -> Result<(), DbError> {
        let held = self.background.leases.ids();
        if held.is_empty() {
            return Ok(());
        }
        leases::renew(&mut *self.app.db.conn().await?, &held, self.lease()).await
    }

    async fn recover_until(self, shutdown: Shutdown) {
        let mut reachable_since = None;
        loop {
            if let Err(error) = self.recover(reachable_since).await {
                warn!(error.chain = chain(&error), "recovery failed: {error}");
                reachable_since = Some(Instant::now());
            }
            tokio::select! {
                () = sleep(self.period()) => {}
                () = shutdown.wait() => return,
            }
        }
    }

    /// One pass. While the database was down nobody could renew a lease: after that every replica has the
    /// time of a lease before its work is taken away.
    async fn recover(&self, reachable_since: Option<Instant>) -> Result<(), DbError> {
        let settled = |since: Instant| since.elapsed() >= self.lease();
        if reachable_since.is_none_or(settled) {
            let mut conn = self.app.db.conn().await?;
            self.condemn_expired_claims(&mut conn).await?;
            let taken = self.creations.take_expired(&mut conn).await?;
            drop(conn);
            self.creations.spawn(taken);
        }
        self.destructions.start_pending().await;
        self.check_unwatched().await?;
        self.creations.replenish().await
    }

    async fn condemn_expired_claims(&self, conn: &mut AsyncPgConnection) -> Result<(), DbError> {
        let held = self.background.leases.ids();
        for id in instances::condemn_expired_claims(conn, &held).await? {
            warn!(instance.id = %id, "instance {id} is condemned: the replica that claimed it is dead");
        }
        Ok(())
    }

    /// Makes new instances idle that are healthy and that nobody watches any more.
    async fn check_unwatched(&self) -> Result<(), DbError> {
        let mut conn = self.app.db.conn().await?;
        let unwatched = views::load_unwatched(&mut conn, self.lease(), MAX_CHECKED).await?;
        drop(conn);
        let checks = unwatched.into_iter().map(|one| self.check(one));
        let ready: Vec<_> = join_all(checks).await.into_iter().flatten().collect();
        if !ready.is_empty() {
            settle::become_idle(&self.app, ready).await?;
        }
        Ok(())
    }

    async fn check(&self, one: RuntimeAddress) -> Option<InstanceId> {
        let within = HEALTH_WITHIN.min(self.period());
        let key = one.runtime_key.as_deref();
        let keys = runtime_keys::candidates_of(&self.app, &one.id, key, one.maker);
        let (runtime, url) = (&self.app.runtime, &one.url);
        let is_ready = |key: Secret| async move { runtime.is_ready(url, &key, within).await };
        let ready = try_each(&one.id, &keys, is_ready).await;
        matches!(ready, Ok(true)).then_some(one.id)
    }
}
