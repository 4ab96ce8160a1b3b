//! The loop that carries out upgrades.

use std::convert::Infallible;
use std::time::Duration;

use agent_pool_client::{CallError, HEALTH_WITHIN};
use agent_pool_core::wire::pool::Status;
use agent_pool_core::{InstanceId, Secret, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncConnection;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, error, info, info_span, warn};

use crate::app::App;
use crate::background::Background;
use crate::db::upgrades::{self, TakenUpgrade};
use crate::db::{pools, rollouts, views};
use crate::ops::call_retry::CallRetry;
use crate::pools::Plan;
use crate::renewal::keep_renewing;
use crate::rollout::recipe_request;
use crate::runtime_keys::{self, try_each};

/// Pause between two checks for upgrades whose replica died.
const PAUSE: Duration = Duration::from_secs(10);
/// How long to wait for another operation of Services on the instance.
const BUSY_FOR: Duration = Duration::from_mins(1);
/// Time limit for an upgraded instance to become ready.
const READY_WITHIN: Duration = Duration::from_mins(10);
/// Pause between two health checks of it.
const CHECK_PAUSE: Duration = Duration::from_millis(500);

/// Why an upgrade failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it is {}, not claimed", status.map_or("destroyed", Status::as_str))]
    NotClaimed { status: Option<Status> },
    #[error("its pool {0} does not exist any more")]
    PoolGone(String),
    #[error("Services did not upgrade it")]
    Services(#[source] CallError),
    #[error("it runs the new recipe but did not become ready within {} minutes", READY_WITHIN.as_secs() / 60)]
    NotReady,
    #[error(transparent)]
    Database(#[from] DbError),
}

/// How the work on an upgrade ended.
enum Outcome {
    Done,
    Failed(Failure),
    /// Another replica continues it.
    ShutDown,
}

/// Upgrades instances. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Upgrader {
    app: App,
    background: Background,
}

impl Upgrader {
    pub(crate) const fn new(app: App, background: Background) -> Self {
        Self { app, background }
    }

    /// Carries out requested upgrades until shutdown.
    pub(crate) fn keep_upgrading(&self) {
        let upgrader = self.clone();
        self.background.tasks.keep("upgrade", move |shutdown| {
            let upgrader = upgrader.clone();
            async move {
                loop {
                    if let Err(error) = upgrader.start_all().await {
                        let error = chain(&error);
                        warn!("upgrades are delayed: {error}");
                    }
                    tokio::select! {
                        () = sleep(PAUSE) => {}
                        () = upgrader.background.upgrade_requested() => {}
                        () = shutdown.wait() => return,
                    }
                }
            }
        });
    }

    /// Starts upgrades until no batch has room for another.
    async fn start_all(&self) -> Result<(), DbError> {
        let lease = self.lease();
        loop {
            let mut conn = self.app.db.conn().await?;
            let taken = conn.transaction(async |conn| upgrades::take(conn, lease).await);
            let Some(upgrade) = taken.await? else {
                return Ok(());
            };
            drop(conn);
            let span = info_span!("upgrade", instance.id = %upgrade.instance);
            let work = self.clone().work(upgrade).instrument(span);
            drop(self.background.tasks.spawn("upgrade", work));
        }
    }

    fn lease(&self) -> Duration {
        self.app.config.pool.pool_work_lease_ms.duration()
    }

    async fn work(self, upgrade: TakenUpgrade) {
        let id = &upgrade.instance;
        let outcome = tokio::select! {
            outcome = self.upgrade(id) => outcome,
            never = self.keep_lease(upgrade.id) => match never {},
        };
        match &outcome {
            Outcome::Done => info!("instance {id} is upgraded"),
            Outcome::Failed(failure) => {
                error!(
                    error.chain = chain(failure),
                    "the upgrade of instance {id} failed: {failure}"
                );
            }
            Outcome::ShutDown => info!("the upgrade of instance {id} is left to another replica"),
        }
        if let Err(error) = self.record(&upgrade, outcome).await {
            let error = chain(&error);
            warn!("the upgrade of instance {id} is repeated once its lease has expired: {error}");
        }
        self.background.request_upgrade();
    }

    async fn record(&self, upgrade: &TakenUpgrade, outcome: Outcome) -> Result<(), DbError> {
        let mut conn = self.app.db.conn().await?;
        match outcome {
            Outcome::Done => upgrades::end(&mut conn, upgrade.id).await,
            Outcome::Failed(failure) => upgrades::fail(&mut conn, upgrade, &chain(&failure)).await,
            Outcome::ShutDown => upgrades::release(&mut conn, upgrade.id).await,
        }
    }

    async fn keep_lease(&self, id: i64) -> Infallible {
        let renew = || async {
            let mut conn = self.app.db.conn().await?;
            upgrades::renew(&mut conn, id, self.lease()).await
        };
        keep_renewing("the lease of an upgrade", self.lease(), renew).await
    }

    async fn upgrade(&self, id: &InstanceId) -> Outcome {
        let shutdown = self.background.shutdown();
        let upgraded = async {
            self.ask_services(id).await?;
            self.wait_until_ready(id).await
        };
        tokio::select! {
            upgraded = upgraded => match upgraded {
                Ok(()) => Outcome::Done,
                Err(failure) => Outcome::Failed(failure),
            },
            // Services continues and is called again, because an upgrade is idempotent.
            () = shutdown.wait() => Outcome::ShutDown,
        }
    }

    async fn ask_services(&self, id: &InstanceId) -> Result<(), Failure> {
        let mut conn = self.app.db.conn().await?;
        let instance = views::find(&mut conn, &self.app.config.cipher, id).await?;
        let status = instance.as_ref().map(|instance| instance.status);
        let claimed = instance.filter(|instance| instance.status == Status::Claimed);
        let instance = claimed.ok_or(Failure::NotClaimed { status })?;
        let pool = pools::find(&mut conn, &instance.pool).await?;
        drop(conn);
        let pool = pool.ok_or_else(|| Failure::PoolGone(instance.pool.to_string()))?;
        let recipe = recipe_request(&Plan::new(&pool, &self.app.config.pool));
        let mut retry = CallRetry::new(format!("the upgrade of instance {id}"), BUSY_FOR);
        let upgraded = loop {
            let failure = match self.app.services.upgrade(id, &recipe).await {
                Ok(upgraded) => break upgraded,
                Err(failure) => failure,
            };
            let Some(pause) = retry.pause_after(&failure) else {
                return Err(Failure::Services(failure));
            };
            sleep(pause).await;
        };
        let made_from = &upgraded.made_from.hash;
        rollouts::note_made_from(&mut *self.app.db.conn().await?, id, made_from).await?;
        Ok(())
    }

    async fn wait_until_ready(&self, id: &InstanceId) -> Result<(), Failure> {
        let found = views::find_runtime(&mut *self.app.db.conn().await?, id).await?;
        let runtime = found.ok_or(Failure::NotClaimed { status: None })?;
        let keys = runtime_keys::candidates_of(
            &self.app,
            id,
            runtime.runtime_key.as_deref(),
            runtime.maker,
        );
        let check = |key: Secret| {
            let url = &runtime.url;
            async move { self.app.runtime.is_ready(url, &key, HEALTH_WITHIN).await }
        };
        let deadline = Instant::now() + READY_WITHIN;
        while !matches!(try_each(id, &keys, check).await, Ok(true)) {
            if Instant::now() >= deadline {
                return Err(Failure::NotReady);
            }
            sleep(CHECK_PAUSE).await;
        }
        Ok(())
    }
}
