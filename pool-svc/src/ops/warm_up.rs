//! Creates instances and watches them until they are idle.
//!
//! The row is written before Services is called, so a crash leaves a row, never a resource without a row.
//! When the replica dies, its lease expires and another replica calls Services again: a creation is idempotent and
//! continues where it was interrupted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::{CREATE_WITHIN, CallError, HEALTH_WITHIN};
use agent_pool_core::wire::services::{CreateInstanceRequest, CreatedInstance};
use agent_pool_core::{InstanceId, PoolName, Price, Secret, ToolId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use metrics::{counter, histogram};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, error, info, info_span, warn};
use url::Url;

use super::call_retry::CallRetry;
use super::destruction::Destructions;
use super::failure_cause::describe_failure;
use super::settle;
use crate::app::App;
use crate::background::Background;
use crate::db::costs::{self, Since};
use crate::db::creation_failures::{self, Allowances};
use crate::db::instances::{self, Demand, NewInstance};
use crate::db::leases::{self, Held};
use crate::db::{guards, pools};
use crate::lifecycle::{Cause, Move};
use crate::pools::plan::with_tools;
use crate::pools::{Plan, load_plans};
use crate::runtime_keys::{self, try_each};

/// How long a shutdown waits for creations. Most take less, and an interrupted one is taken over by another replica.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(30);
/// First pause between two health checks of a new instance; it doubles.
const FIRST_WATCH_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two health checks of a new instance.
const LONGEST_WATCH_PAUSE: Duration = Duration::from_secs(2);
/// How long a new instance is watched; after that the recovery loop checks it.
const WATCH_FOR: Duration = Duration::from_mins(2);

/// An instance that Services has made: the URL of its runtime, and the keys that it may accept.
struct Created {
    url: Url,
    keys: Vec<Secret>,
}

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

    /// Starts creations in a pool on request of an operator: as many as are missing, or `count`. Ignores pauses after
    /// failures and whether the pool is paused. Returns the ids, or `None` if there is no such pool.
    pub(crate) async fn start(
        &self,
        pool: &PoolName,
        count: Option<u32>,
    ) -> Result<Option<Vec<InstanceId>>, DbError> {
        let mut conn = self.app.db.conn().await?;
        let inserted = conn.transaction(async |conn| {
            leases::lock_count(conn).await?;
            let Some(plan) = self.find_plan(conn, pool).await? else {
                return Ok::<_, DbError>(None);
            };
            let demand = count.map_or_else(|| plan.deficit(u32::MAX, 0), |count| plan.extra(count));
            self.insert(conn, &[demand]).await.map(Some)
        });
        let Some(inserted) = inserted.await? else {
            return Ok(None);
        };
        let ids = inserted.iter().map(|one| one.id.clone()).collect();
        self.spawn(inserted);
        Ok(Some(ids))
    }

    async fn find_plan(
        &self,
        conn: &mut AsyncPgConnection,
        pool: &PoolName,
    ) -> Result<Option<Plan>, DbError> {
        let found = pools::find(conn, pool).await?;
        Ok(found.map(|pool| Plan::new(&pool, &self.app.config.pool)))
    }

    /// Starts creations for the deficit of every pool. It depends only on the rows.
    pub(crate) async fn replenish(&self) -> Result<(), DbError> {
        let mut conn = self.app.db.conn().await?;
        let plans = load_plans(&mut conn, &self.app.config.pool).await?;
        // First without the lock, because usually nothing is missing.
        if !self.is_any_short(&mut conn, &plans).await? {
            return Ok(());
        }
        let inserted = conn.transaction(async |conn| self.insert_deficit(conn).await);
        self.spawn(inserted.await?);
        Ok(())
    }

    /// Whether any pool lacks instances.
    pub(crate) async fn is_any_short(
        &self,
        conn: &mut AsyncPgConnection,
        plans: &[Plan],
    ) -> Result<bool, DbError> {
        let demands = deficits(conn, plans, &Allowances::default()).await?;
        let max_total = self.app.config.pool.pool_max_total;
        let missing = instances::count_missing(conn, &demands, max_total).await?;
        Ok(missing.iter().any(|missing| *missing > 0))
    }

    /// Inserts the rows of the deficits of all pools in which creations may start. Call it in a transaction, and then
    /// [`Self::spawn`].
    pub(crate) async fn insert_deficit(
        &self,
        conn: &mut AsyncPgConnection,
    ) -> Result<Vec<NewInstance>, DbError> {
        // Count and insert behind one lock: two replicas that both count first would both fill the same deficit. The
        // pools are read behind it too, so that a deleted pool gets no more instances.
        leases::lock_count(conn).await?;
        let allowances = creation_failures::load_allowances(conn).await?;
        let plans = load_plans(conn, &self.app.config.pool).await?;
        let demands = deficits(conn, &plans, &allowances).await?;
        self.insert(conn, &demands).await
    }

    async fn insert(
        &self,
        conn: &mut AsyncPgConnection,
        demands: &[Demand],
    ) -> Result<Vec<NewInstance>, DbError> {
        let max_total = self.app.config.pool.pool_max_total;
        instances::insert_starting(conn, demands, max_total, self.lease()).await
    }

    /// Takes over the creations of replicas that died. Pass the result to [`Self::spawn`].
    pub(crate) async fn take_expired(
        &self,
        conn: &mut AsyncPgConnection,
    ) -> Result<Vec<NewInstance>, DbError> {
        let held = self.background.leases.ids();
        let taken = leases::take_expired_creations(conn, &held, self.lease()).await?;
        for new in &taken {
            info!(instance.id = %new.id, "the creation of instance {} is taken over", new.id);
        }
        Ok(taken)
    }

    fn lease(&self) -> Duration {
        self.app.config.pool.pool_work_lease_ms.duration()
    }

    /// Creates the instances whose rows were inserted.
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
        let lease = self.background.leases.hold(&new.id);
        let created = self.create_in_turn(&new).await;
        drop(lease);
        let outcome = match created {
            Ok(Some(created)) => tokio::select! {
                watched = self.watch(&new.id, &created, started) => watched,
                () = self.background.shutdown().wait() => Ok(()),
            },
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let id = &new.id;
            warn!(
                error.chain = chain(&error),
                "instance {id} is left to the recovery loop: {error}"
            );
        }
    }

    async fn create_in_turn(&self, new: &NewInstance) -> Result<Option<Created>, DbError> {
        let shutdown = self.background.shutdown();
        let turn = tokio::select! {
            biased;
            () = shutdown.wait() => None,
            turn = self.turns.acquire() => turn.ok(),
        };
        if turn.is_none() {
            // Services has not been called yet, so another replica can start from scratch.
            let step = Move::ABANDON_CREATION;
            settle::give_up(&self.app, step, &new.id, Cause::ShutDown, "").await?;
            return Ok(None);
        }
        // It is safe to stop waiting: Services continues, and another replica asks it for the outcome once the lease
        // has expired.
        let overdue = async {
            shutdown.wait().await;
            sleep(SHUTDOWN_WAIT).await;
        };
        tokio::select! {
            created = self.ask_services(new) => created,
            () = overdue => Ok(None),
        }
    }

    /// Calls Services to create the instance, and repeats the call while Services is unavailable. `None` if there is
    /// nothing left to watch.
    async fn ask_services(&self, new: &NewInstance) -> Result<Option<Created>, DbError> {
        let what = format!("the creation of instance {}", new.id);
        let mut retry = CallRetry::new(what, CREATE_WITHIN);
        loop {
            // Before each try, because the instance may have been condemned while Services was unavailable.
            let Some(request) = self.begin(new).await? else {
                settle::release_condemned(&self.app, &self.destructions, &new.id).await?;
                return Ok(None);
            };
            let failure = match self.app.services.create(&request).await {
                Ok(created) => return self.record_created(&new.id, created).await,
                Err(failure) => failure,
            };
            let Some(pause) = retry.pause_after(&failure) else {
                self.record_failure(&new.id, &request.tools, &failure)
                    .await?;
                return Ok(None);
            };
            tokio::select! {
                () = sleep(pause) => {}
                // Another replica repeats it once the lease has expired.
                () = self.background.shutdown().wait() => return Ok(None),
            }
        }
    }

    /// Renews the lease of a creation. `None` if the instance was condemned.
    async fn begin(&self, new: &NewInstance) -> Result<Option<CreateInstanceRequest>, DbError> {
        let recipe = new.recipe.clone().unwrap_or_default();
        let recipe = with_tools(recipe, &self.app.config.pool);
        let tools = recipe.tools.unwrap_or_default();
        let mut conn = self.app.db.conn().await?;
        let held = leases::begin_creation(&mut conn, &new.id, &tools, self.lease()).await?;
        Ok((held == Held::Yes).then(|| CreateInstanceRequest {
            instance_id: new.id.clone(),
            name: new.name.clone(),
            tools,
            infra: recipe.infra,
            image: recipe.image,
            infra_options: recipe.infra_options,
            variables: recipe
                .variables
                .into_iter()
                .map(|(name, value)| (name, Secret::new(value)))
                .collect(),
        }))
    }

    async fn record_created(
        &self,
        id: &InstanceId,
        created: CreatedInstance,
    ) -> Result<Option<Created>, DbError> {
        counter!("agent_pool_creations_total", "outcome" => "created").increment(1);
        let mut conn = self.app.db.conn().await?;
        creation_failures::forget_refusals(&mut conn, id).await?;
        let CreatedInstance {
            url,
            runtime_key,
            prices,
            made_from,
            ..
        } = created;
        costs::insert_prices(&mut conn, id, &prices, Since::Creation).await?;
        // It cannot fail for a key of this length. If it did, the operators' keys would be tried in vain,
        // and the instance would never become idle.
        let sealed = runtime_key
            .as_ref()
            .and_then(|key| runtime_keys::seal(&self.app, id, key).ok());
        let held = leases::end_creation(&mut conn, id, &url, sealed.as_deref(), made_from.as_ref())
            .await?;
        drop(conn);
        match held {
            Held::Yes => Ok(Some(Created {
                keys: runtime_keys::candidates(&self.app, id, sealed.as_deref()),
                url,
            })),
            Held::No => {
                settle::created_too_late(&self.app, &self.destructions, id).await?;
                Ok(None)
            }
        }
    }

    /// Services undoes a failed creation unless Services itself failed, so the instance is destroyed.
    async fn record_failure(
        &self,
        id: &InstanceId,
        tools: &[ToolId],
        failure: &CallError,
    ) -> Result<(), DbError> {
        counter!("agent_pool_creations_total", "outcome" => "failed").increment(1);
        if let CallError::Refused { problem, .. } = failure {
            self.record_undone_creation(id, &problem.prices).await;
        }
        let failure = describe_failure(failure, tools);
        let (cause, error) = (&failure.cause, &failure.error);
        error!(error.chain = %error, "instance {id} cannot be created ({cause}): {error}");
        let record =
            async || creation_failures::record(&mut *self.app.db.conn().await?, id, &failure).await;
        // Give the instance up even if that cannot be recorded; otherwise the row would be stuck.
        if let Err(error) = record().await {
            let error = chain(&error);
            warn!(instance.id = %id, "the failed creation of instance {id} was not recorded: {error}");
        }
        let step = Move::ABANDON_CREATION;
        settle::give_up(&self.app, step, id, Cause::CreationFailed, error).await?;
        self.destructions.start_pending().await;
        Ok(())
    }

    /// Adds the costs of a creation that Services undid to the ledger.
    async fn record_undone_creation(&self, id: &InstanceId, prices: &BTreeMap<String, Price>) {
        let record = async || {
            let mut conn = self.app.db.conn().await?;
            costs::insert_prices(&mut conn, id, prices, Since::Creation).await
        };
        if let Err(error) = record().await {
            let error = chain(&error);
            warn!(instance.id = %id, "the ledger lacks the failed creation of instance {id}: {error}");
        }
    }

    /// Makes a new instance idle as soon as it is healthy, without waiting for a tick.
    async fn watch(
        &self,
        id: &InstanceId,
        created: &Created,
        started: Instant,
    ) -> Result<(), DbError> {
        let watched_since = Instant::now();
        let mut pause = FIRST_WATCH_PAUSE;
        let Created { url, keys } = created;
        let check = |key: Secret| async move {
            let runtime = &self.app.runtime;
            runtime.is_ready(url, &key, HEALTH_WITHIN).await
        };
        while !matches!(try_each(id, keys, check).await, Ok(true)) {
            if watched_since.elapsed() > WATCH_FOR {
                info!("instance {id} is not healthy yet: the recovery loop keeps checking it");
                return Ok(());
            }
            sleep(pause).await;
            pause = LONGEST_WATCH_PAUSE.min(pause * 2);
        }
        let moved = settle::become_idle(&self.app, vec![id.clone()]).await?;
        if !moved.is_empty() {
            histogram!("agent_pool_warm_up_seconds").record(started.elapsed().as_secs_f64());
        }
        Ok(())
    }
}

/// The demands of the pools that are not paused.
async fn deficits(
    conn: &mut AsyncPgConnection,
    plans: &[Plan],
    allowances: &Allowances,
) -> Result<Vec<Demand>, DbError> {
    let stale = guards::count_stale(conn, plans).await?;
    let deficit = |plan: &Plan| {
        let stale = stale.get(plan.name.as_str()).copied().unwrap_or_default();
        plan.deficit(allowances.of_pool(&plan.name), stale)
    };
    let active = plans.iter().filter(|plan| plan.refills());
    Ok(active.map(deficit).collect())
}
