//! Lets a system settle, and checks its promises.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep, timeout};

use crate::promises::Snapshot;
use crate::system::System;
use agent_pool_stack::Service;

/// How often a state is polled.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long a requested tick may take.
const TICK_WITHIN: Duration = Duration::from_secs(10);

impl System {
    /// Expires the leases that a killed process of `part` left behind, and ends back-off, instead of waiting for them.
    /// First waits up to `patience` for running operations of Services, because Pool's leases are longer.
    pub(crate) async fn expire_leases(
        &self,
        part: Service,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let services = self.services_database().await?;
        match part {
            Service::ServicesSvc => {
                services
                    .execute("UPDATE instance_leases SET leased_until = now() - interval '1 s'")
                    .await?;
            }
            Service::PoolSvc => {
                let deadline = Instant::now() + patience;
                let busy = "SELECT count(*) FROM instance_leases WHERE leased_until > now()";
                while services.number(busy).await? > 0 && Instant::now() < deadline {
                    sleep(LOOK_EVERY).await;
                }
                let pool = self.pool_database().await?;
                pool.execute("UPDATE instances SET lease_expires_at = now() - interval '1 s' WHERE lease_expires_at IS NOT NULL").await?;
                pool.execute("UPDATE tick_state SET turn_expires_at = NULL")
                    .await?;
                pool.execute("UPDATE upgrades SET lease_expires_at = now() - interval '1 s' WHERE lease_expires_at IS NOT NULL").await?;
                pool.execute("UPDATE claim_keys SET lease_expires_at = now() - interval '1 s' WHERE lease_expires_at IS NOT NULL").await?;
            }
        }
        self.clear_backoff().await
    }

    /// Ends the back-off between creations.
    pub(crate) async fn clear_backoff(&self) -> anyhow::Result<()> {
        let pool = self.pool_database().await?;
        pool.execute("UPDATE pool_creation_failures SET retry_at = now()")
            .await
    }

    /// Runs a tick now, at the first running replica of Pool.
    pub(crate) async fn tick(&self) -> anyhow::Result<()> {
        for index in 0..self.pools.len() {
            if let Ok(pool) = self.pool_api(index).await {
                timeout(TICK_WITHIN, pool.reconcile()).await??;
                return Ok(());
            }
        }
        bail!("no replica of Pool runs")
    }

    /// The promises that are broken now.
    pub(crate) async fn broken(&self) -> anyhow::Result<Vec<String>> {
        let acknowledged = self.claimed();
        let snapshot = Snapshot {
            pool: self.pool_database().await?.instances().await?,
            services: self.services_database().await?.infras().await?,
            vendors: self.cloud.state(),
            provisioned: &self.provisioned,
            phases: self.phases,
            acknowledged,
        };
        Ok(snapshot.broken())
    }

    /// Runs ticks until all promises hold and `idle` instances are idle.
    ///
    /// # Errors
    /// The promises that are still broken after `limit`.
    pub(crate) async fn settle(&self, idle: Option<u32>, limit: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            let ticked = self.tick().await;
            let broken = match self.broken().await {
                Ok(broken) if broken.is_empty() => match self.lacks(idle).await? {
                    None => return Ok(()),
                    Some(lack) => vec![lack],
                },
                Ok(broken) => broken,
                Err(error) => vec![format!("{error:#}")],
            };
            if Instant::now() > deadline {
                let tick = ticked
                    .err()
                    .map(|error| format!(" (a tick failed: {error:#})"));
                bail!("{}{}", broken.join("; "), tick.unwrap_or_default());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    pub(crate) async fn lacks(&self, idle: Option<u32>) -> anyhow::Result<Option<String>> {
        let Some(wanted) = idle else {
            return Ok(None);
        };
        let pool = self.pool_database().await?;
        let idle = pool
            .number("SELECT count(*) FROM instances WHERE status = 'idle'")
            .await?;
        Ok((idle < i64::from(wanted)).then(|| format!("{idle} of {wanted} instances are idle")))
    }
}
