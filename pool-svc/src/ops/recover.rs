//! Takes over the work of replicas that died, within seconds: a dead replica renews no leases.
//!
//! A pass is idempotent: its statements take only rows whose lease has expired, and row locks share the work among
//! replicas. A creation is requested again (Services continues it or answers with the result), a destruction is
//! repeated. A claim cannot be taken over, because its client was connected to the dead replica: its instance is
//! destroyed.

use std::time::Duration;

use agent_pool_client::HEALTH_WITHIN;
use agent_pool_core::{InstanceId, Secret, chain};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::shutdown::Shutdown;
use diesel_async::AsyncPgConnection;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::operations::Operations;
use super::settle;
use crate::db::views::RuntimeAddress;
use crate::db::{instances, leases, views};
use crate::renewal;
use crate::runtime_keys::{self, try_each};

/// Maximum instances whose health one pass checks.
const MAX_CHECKED: u16 = 64;

impl Operations {
    /// Renews the leases of this replica, until shutdown has ended its work.
    pub(crate) fn keep_renewing(self) {
        let tasks = self.background.tasks.clone();
        tasks.keep("renew_leases", move |shutdown| {
            self.clone().renew_until(shutdown)
        });
    }

    /// Takes over what other replicas left behind, until shutdown.
    pub(crate) fn keep_recovering(self) {
        let tasks = self.background.tasks.clone();
        tasks.keep("recover", move |shutdown| {
            self.clone().recover_until(shutdown)
        });
    }

    fn lease(&self) -> Duration {
        self.app.config.pool.pool_work_lease_ms.duration()
    }

    fn period(&self) -> Duration {
        renewal::period(self.lease())
    }

    async fn renew_until(self, shutdown: Shutdown) {
        // Keep renewing during a shutdown, while claims and creations finish.
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

    /// One pass. While the database was down no replica could renew its leases. So after an outage every replica first
    /// gets the time of one lease to renew them, before its work is taken over.
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
        // Without those of this replica: their leases may be late, but their tasks are alive.
        let held = self.background.leases.ids();
        for id in instances::condemn_expired_claims(conn, &held).await? {
            warn!(instance.id = %id, "instance {id} is condemned: the replica that claimed it is dead");
        }
        Ok(())
    }

    /// Makes healthy new instances idle that no task watches any more.
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
