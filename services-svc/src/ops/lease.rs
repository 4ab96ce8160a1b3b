//! One operation at a time on an instance, across all replicas.

use std::future::pending;
use std::time::Duration;

use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::precondition::PreconditionError;
use crate::app::App;
use crate::db::Written;
use crate::db::instance_leases::{self, Fence};

/// The right to change an instance. It expires when its holder dies.
#[derive(Debug)]
pub(crate) struct Lease {
    app: App,
    fence: Fence,
    /// Cancelled by a write that finds that the lease was taken over.
    lost: CancellationToken,
}

impl Lease {
    /// How many times a lease is renewed before it would expire.
    const RENEWALS: u32 = 3;

    /// First pause before trying again to take a lease that another operation holds; it doubles.
    const FIRST_PAUSE: Duration = Duration::from_millis(10);
    /// Longest such pause.
    const LONGEST_PAUSE: Duration = Duration::from_millis(200);

    /// Takes the lease of an instance, waiting up to `INSTANCE_WAIT_MS`, so that two quick operations of one caller run
    /// one after the other.
    pub(crate) async fn wait_for<E>(app: &App, instance: &InstanceId) -> Result<Self, E>
    where
        E: From<PreconditionError> + From<DbError>,
    {
        let deadline = Instant::now() + app.config().lease_wait();
        let mut pause = Self::FIRST_PAUSE;
        loop {
            if let Some(lease) = Self::take(app, instance).await? {
                return Ok(lease);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(PreconditionError::Busy(instance.clone()).into());
            }
            sleep(pause.min(left)).await;
            pause = Self::LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Takes the lease of an instance; `None` while another operation holds it.
    pub(crate) async fn take(app: &App, instance: &InstanceId) -> Result<Option<Self>, DbError> {
        let lease = Self {
            app: app.clone(),
            fence: Fence::new(instance),
            lost: CancellationToken::new(),
        };
        let mut conn = app.db().conn().await?;
        let taken = instance_leases::take(&mut conn, &lease.fence, lease.length()).await?;
        Ok(taken.then_some(lease))
    }

    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    pub(crate) const fn instance(&self) -> &InstanceId {
        &self.fence.instance
    }

    /// Writes to the rows of the instance. If the lease was taken over, nothing is written and this never returns:
    /// [`Lease::hold`] drops the work that it is part of, so that no step can follow a lost lease.
    pub(crate) async fn write(
        &self,
        write: impl AsyncFnOnce(&mut AsyncPgConnection, &Fence) -> Result<Written, DbError>,
    ) -> Result<Written, DbError> {
        let mut conn = self.app.db().conn().await?;
        let written = write(&mut conn, &self.fence).await?;
        // No row was written: either it does not exist, or the fence refused it because the lease was taken over.
        if written == Written::Yes || instance_leases::is_ours(&mut conn, &self.fence).await? {
            return Ok(written);
        }
        drop(conn);
        self.lost.cancel();
        pending().await
    }

    /// Runs `work` while renewing the lease, then releases it.
    ///
    /// If the lease is lost, `work` is dropped, which has the same effect as a crash. The operation that took the lease
    /// over continues from the rows.
    pub(crate) async fn hold<T, E: From<PreconditionError>>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        // Boxed, so that the future of the work is compiled once, not again as a part of this one.
        let work: BoxFuture<'_, Result<T, E>> = Box::pin(work);
        let done = tokio::select! {
            // `biased`, with the renewal first: a process that was suspended for longer than its lease must not do
            // anything when it resumes.
            biased;
            () = self.keep() => {
                let instance = self.instance();
                warn!(instance.id = %instance, "the lease of instance {instance} is lost: aborting its operation");
                return Err(PreconditionError::Busy(instance.clone()).into());
            }
            done = work => done,
        };
        if let Err(error) = self.release().await {
            self.warn_about(&error, "released");
        }
        done
    }

    /// Renews the lease. Returns when it was taken over, or could not be renewed in time.
    async fn keep(&self) {
        let pause = self.length() / Self::RENEWALS;
        let mut until = Instant::now() + self.length();
        while Instant::now() < until {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.lost.cancelled() => return,
            }
            let asked = Instant::now();
            if asked >= until {
                return;
            }
            match timeout(pause, self.renew()).await {
                Ok(Ok(true)) => until = asked + self.length(),
                Ok(Ok(false)) => return,
                Ok(Err(error)) => self.warn_about(&error, "renewed"),
                Err(_) => {
                    warn!(instance.id = %self.instance(), "the database did not answer in time to renew a lease");
                }
            }
        }
    }

    async fn renew(&self) -> Result<bool, DbError> {
        let mut conn = self.app.db().conn().await?;
        instance_leases::renew(&mut conn, &self.fence, self.length()).await
    }

    async fn release(&self) -> Result<(), DbError> {
        let mut conn = self.app.db().conn().await?;
        instance_leases::release(&mut conn, &self.fence).await
    }

    fn warn_about(&self, error: &DbError, what: &str) {
        warn!(
            instance.id = %self.instance(),
            error.chain = chain(error),
            "the lease of instance {} could not be {what}; it will expire",
            self.instance()
        );
    }

    fn length(&self) -> Duration {
        self.app.config().lease()
    }
}
