//! One operation at a time on an instance, in all replicas together.

use std::future::pending;
use std::time::Duration;

use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::precondition::PreconditionError;
use crate::app::App;
use crate::db::Written;
use crate::db::instance_leases::{self, Fence};

/// The right to change an instance. It runs out by itself when its holder dies.
#[derive(Debug)]
pub(crate) struct Lease {
    app: App,
    fence: Fence,
    /// Set off by a write that found the lease with somebody else.
    lost: CancellationToken,
}

impl Lease {
    /// How many times a lease is renewed before it would run out.
    const RENEWALS: u32 = 3;

    /// First pause before a lease that another operation has is asked for again; it doubles.
    const FIRST_PAUSE: Duration = Duration::from_millis(10);
    /// Longest such pause.
    const LONGEST_PAUSE: Duration = Duration::from_millis(200);

    /// Takes the lease of an instance, for which it waits as long as `INSTANCE_WAIT_MS` says: so that
    /// two quick operations of one caller follow each other.
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

    /// Takes the lease of an instance; `None` while another operation has it.
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

    /// Writes to the rows of the instance. Where the lease is somebody else's by now, nothing is written
    /// and this does not return: the work that it is part of is cut off, as [`Lease::hold`] says.
    pub(crate) async fn write(
        &self,
        write: impl AsyncFnOnce(&mut AsyncPgConnection, &Fence) -> Result<Written, DbError>,
    ) -> Result<Written, DbError> {
        let mut conn = self.app.db().conn().await?;
        let written = write(&mut conn, &self.fence).await?;
        if written == Written::Yes || instance_leases::is_ours(&mut conn, &self.fence).await? {
            return Ok(written);
        }
        drop(conn);
        self.lost.cancel();
        pending().await
    }

    /// Does `work` while the lease is renewed, and gives it back.
    ///
    /// Where the lease is lost, `work` is dropped as by a crash, which whoever has it now goes on from.
    pub(crate) async fn hold<T, E: From<PreconditionError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let done = tokio::select! {
            // First: a process that was stopped for longer than its lease does nothing when it wakes up.
            biased;
            () = self.keep() => {
                let instance = self.instance();
                warn!(instance.id = %instance, "the lease of instance {instance} is lost: its operation is cut off");
                return Err(PreconditionError::Busy(instance.clone()).into());
            }
            done = work => done,
        };
        if let Err(error) = self.release().await {
            self.report(&error, "given back");
        }
        done
    }

    /// Ends when the lease is somebody else's, or may be because it could not be renewed in time.
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
                Ok(Err(error)) => self.report(&error, "renewed"),
                Err(_) => warn!(instance.id = %self.instance(), "the database does not answer"),
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

    fn report(&self, error: &DbError, what: &str) {
        warn!(
            instance.id = %self.instance(),
            error.chain = chain(error),
            "the lease of instance {} was not {what}; it runs out by itself",
            self.instance()
        );
    }

    fn length(&self) -> Duration {
        self.app.config().lease()
    }
}
