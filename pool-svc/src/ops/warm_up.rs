//! Creating instances and watching them until they are idle.
//!
//! The row is written before Services is asked, so a crash leaves a row that a tick completes or
//! destroys, never a resource that no one knows of.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::{CREATE_WITHIN, CallError, HEALTH_WITHIN};
use agent_pool_core::wire::services::CreateInstanceRequest;
use agent_pool_core::{EnvVars, InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use metrics::{counter, histogram};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, error, info, info_span, warn};
use url::Url;

use super::backoff::describe_failure;
use super::destruction::Destructions;
use super::settle;
use crate::app::App;
use crate::background::Background;
use crate::db::creation_failures;
use crate::db::instances::{self, Demand, NewInstance};
use crate::db::leases::{self, Held};
use crate::lifecycle::{Cause, Move};

/// How long one creation may take before the row counts as abandoned.
const LEASE: Duration = Duration::from_secs(CREATE_WITHIN.as_secs() + 60);
/// How long a shutdown waits for creations. Most take less, and none has to be waited for.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(30);
/// First pause between two health checks of a new instance; it doubles.
const FIRST_WATCH_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two health checks of a new instance.
const LONGEST_WATCH_PAUSE: Duration = Duration::from_secs(2);
/// How long a new instance is watched; after that the ticks find out about its health.
const WATCH_FOR: Duration = Duration::from_mins(2);

/// Creates instances in the background. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Creations {
    app: App,
    background: Background,
    destructions: Destructions,
    turns: Arc<Semaphore>,
}

impl Creations {
    pub(crate) fn new(app: App, background: Background, destructions: Destructions) -> Self {
        let turns = Semaphore::new(app.config.pool.pool_create_concurrency.into());
        Self {
            app,
            background,
            destructions,
            turns: Arc::new(turns),
        }
    }

    /// Starts as many creations as are wanted and allowed. Returns their ids.
    pub(crate) async fn start(&self, demand: Demand) -> Result<Vec<InstanceId>, DbError> {
        let mut conn = self.app.db.conn().await?;
        let inserted = conn.transaction(async |conn| self.insert(conn, demand).await);
        let inserted = inserted.await?;
        let ids = inserted.iter().map(|one| one.id.clone()).collect();
        self.spawn(inserted);
        Ok(ids)
    }

    /// Starts creations for the deficit.
    pub(crate) async fn replenish(&self) -> Result<(), DbError> {
        let mut conn = self.app.db.conn().await?;
        let inserted = conn.transaction(async |conn| self.insert_deficit(conn).await);
        self.spawn(inserted.await?);
        Ok(())
    }

    /// Writes the rows of the deficit, if creations may start at all. To be called in a transaction, and
    /// followed by [`Self::spawn`].
    pub(crate) async fn insert_deficit(
        &self,
        conn: &mut AsyncPgConnection,
    ) -> Result<Vec<NewInstance>, DbError> {
        let at_once = creation_failures::allowance(conn).await?;
        if at_once == 0 {
            return Ok(Vec::new());
        }
        let warm = self.app.config.pool.pool_min_idle;
        self.insert(conn, Demand::Deficit { warm, at_once }).await
    }

    async fn insert(
        &self,
        conn: &mut AsyncPgConnection,
        demand: Demand,
    ) -> Result<Vec<NewInstance>, DbError> {
        let pool = &self.app.config.pool;
        // Until its turn comes; then the creation gets a lease of its own length.
        let lease = LEASE.max(pool.pool_stuck_timeout_ms.duration());
        leases::lock_count(conn).await?;
        instances::insert_starting(conn, demand, pool.pool_max_total, lease).await
    }

    /// Creates the instances whose rows are written.
    pub(crate) fn spawn(&self, inserted: Vec<NewInstance>) {
        for new in inserted {
            let span = info_span!("warm_up", instance.id = %new.id);
            let work = self.clone().create(new).instrument(span);
            drop(self.background.tasks.spawn("warm_up", work));
        }
    }

    /// Creates one instance and watches it until it is idle, or until shutdown.
    async fn create(self, new: NewInstance) {
        let started = Instant::now();
        let outcome = match self.create_in_turn(&new).await {
            Ok(Some(url)) => tokio::select! {
                watched = self.watch(&new.id, &url, started) => watched,
                () = self.background.shutdown().wait() => Ok(()),
            },
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let id = &new.id;
            warn!(
                error.chain = chain(&error),
                "instance {id} is left to the ticks: {error}"
            );
        }
    }

    async fn create_in_turn(&self, new: &NewInstance) -> Result<Option<Url>, DbError> {
        let shutdown = self.background.shutdown();
        let turn = tokio::select! {
            biased;
            () = shutdown.wait() => None,
            turn = self.turns.acquire() => turn.ok(),
        };
        if turn.is_none() {
            // Services was not asked for anything yet: another replica starts afresh.
            let step = Move::ABANDON_CREATION;
            settle::give_up(&self.app, step, &new.id, Cause::ShutDown).await?;
            return Ok(None);
        }
        // It is safe to stop waiting: Services goes on, and the lease keeps everyone else away. If the
        // instance becomes healthy a later tick makes it idle; when the lease ends one destroys it.
        let overdue = async {
            shutdown.wait().await;
            sleep(SHUTDOWN_WAIT).await;
        };
        tokio::select! {
            created = self.ask_services(new) => created,
            () = overdue => Ok(None),
        }
    }

    /// Asks Services for the instance. Returns its URL, or `None` if there is nothing left to watch.
    async fn ask_services(&self, new: &NewInstance) -> Result<Option<Url>, DbError> {
        let app = &self.app;
        let tools = app.config.pool.pool_tools.ids();
        let held =
            leases::begin_creation(&mut *app.db.conn().await?, &new.id, tools, LEASE).await?;
        if held == Held::No {
            settle::release_condemned(app, &self.destructions, &new.id).await?;
            return Ok(None);
        }
        let request = CreateInstanceRequest {
            instance_id: new.id.clone(),
            name: new.name.clone(),
            tools: tools.to_vec(),
            image: None,
            variables: EnvVars::new(),
        };
        match app.services.create(&request).await {
            Ok(created) => self.record_created(&new.id, created.url).await,
            Err(error) => {
                self.record_failure(&new.id, &error).await?;
                Ok(None)
            }
        }
    }

    async fn record_created(&self, id: &InstanceId, url: Url) -> Result<Option<Url>, DbError> {
        counter!("agent_pool_creations_total", "outcome" => "created").increment(1);
        let mut conn = self.app.db.conn().await?;
        creation_failures::forget_all(&mut conn).await?;
        let held = leases::end_creation(&mut conn, id, &url).await?;
        drop(conn);
        match held {
            Held::Yes => Ok(Some(url)),
            Held::No => {
                settle::created_too_late(&self.app, &self.destructions, id).await?;
                Ok(None)
            }
        }
    }

    /// Services undoes what it began, unless Services itself failed: so the instance is destroyed.
    async fn record_failure(&self, id: &InstanceId, failure: &CallError) -> Result<(), DbError> {
        counter!("agent_pool_creations_total", "outcome" => "failed").increment(1);
        let failure = describe_failure(failure, self.app.config.pool.pool_tools.ids());
        let (cause, error) = (&failure.cause, &failure.error);
        error!(error.chain = %error, "instance {id} cannot be created ({cause}): {error}");
        creation_failures::record(&mut *self.app.db.conn().await?, id, &failure).await?;
        settle::give_up(&self.app, Move::ABANDON_CREATION, id, Cause::CreationFailed).await?;
        self.destructions.start_pending().await;
        Ok(())
    }

    /// Makes a new instance idle as soon as it is healthy, without waiting for a tick.
    async fn watch(&self, id: &InstanceId, url: &Url, started: Instant) -> Result<(), DbError> {
        let watched_since = Instant::now();
        let mut pause = FIRST_WATCH_PAUSE;
        let key = self.app.runtime_key();
        let is_ready = async || {
            let ready = self.app.runtime.is_ready(url, key, HEALTH_WITHIN).await;
            matches!(ready, Ok(true))
        };
        while !is_ready().await {
            if watched_since.elapsed() > WATCH_FOR {
                info!("instance {id} is not healthy yet: the ticks keep checking it");
                return Ok(());
            }
            sleep(pause).await;
            pause = LONGEST_WATCH_PAUSE.min(pause * 2);
        }
        let mut conn = self.app.db.conn().await?;
        let causes = [(id.clone(), Cause::Healthy)];
        let moved = instances::mark(&mut conn, Move::BECOME_IDLE, &causes).await?;
        if !moved.is_empty() {
            info!("instance {id} became idle");
            histogram!("agent_pool_warm_up_seconds").record(started.elapsed().as_secs_f64());
        }
        Ok(())
    }
}
