//! One operation at a time on an instance, in all replicas together.

use std::convert::Infallible;
use std::time::Duration;

use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use tracing::warn;

use crate::app::App;
use crate::db::instance_leases;

/// The right to change an instance. It runs out by itself when its holder dies.
#[derive(Debug)]
pub(crate) struct Lease {
    app: App,
    instance: InstanceId,
    holder: String,
}

impl Lease {
    /// How many times a lease is renewed before it would run out.
    const RENEWALS: u32 = 3;

    /// Takes the lease of an instance; `None` while another operation has it.
    pub(crate) async fn take(app: &App, instance: &InstanceId) -> Result<Option<Self>, DbError> {
        let lease = Self {
            app: app.clone(),
            instance: instance.clone(),
            holder: InstanceId::generate().into(),
        };
        let mut conn = app.db().conn().await?;
        let taken =
            instance_leases::take(&mut conn, instance, &lease.holder, lease.length()).await?;
        Ok(taken.then_some(lease))
    }

    /// Does `work` while the lease is renewed, and gives it back.
    pub(crate) async fn hold<T>(self, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            done = work => done,
            never = self.keep() => match never {},
        };
        if let Err(error) = self.release().await {
            self.report(&error, "given back");
        }
        done
    }

    async fn keep(&self) -> Infallible {
        loop {
            tokio::time::sleep(self.length() / Self::RENEWALS).await;
            if let Err(error) = self.renew().await {
                self.report(&error, "renewed");
            }
        }
    }

    async fn renew(&self) -> Result<(), DbError> {
        let mut conn = self.app.db().conn().await?;
        let (instance, holder) = (&self.instance, self.holder.as_str());
        if !instance_leases::renew(&mut conn, instance, holder, self.length()).await? {
            warn!(instance.id = %instance, "the lease of instance {instance} ran out and was taken");
        }
        Ok(())
    }

    async fn release(&self) -> Result<(), DbError> {
        let mut conn = self.app.db().conn().await?;
        instance_leases::release(&mut conn, &self.instance, &self.holder).await
    }

    fn report(&self, error: &DbError, what: &str) {
        warn!(
            instance.id = %self.instance,
            error.chain = chain(error),
            "the lease of instance {} was not {what}; it runs out by itself",
            self.instance
        );
    }

    fn length(&self) -> Duration {
        self.app.config().lease()
    }
}
