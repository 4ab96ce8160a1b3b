//! Making idle instances.
//!
//! The row is written before Services is asked, so that a crash leaves a row that a tick completes or
//! destroys, never a resource that nobody knows.

use std::time::Duration;

use agent_pool_client::{CREATE_WITHIN, CallError, HEALTH_WITHIN};
use agent_pool_core::wire::services::CreateInstanceRequest;
use agent_pool_core::{EnvVars, InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use metrics::{counter, histogram};
use tokio::time::{Instant, sleep};
use tracing::{Instrument, error, info, info_span, warn};
use url::Url;

use crate::app::App;
use crate::backoff::Failed;
use crate::db::creation_failures;
use crate::db::instances::{self, Begun, Wanted};
use crate::db::leases::{self, Held};
use crate::lifecycle::{Cause, Move};
use crate::{destruction, settle};

/// How long one creation may take before the row counts as abandoned.
const LEASE: Duration = Duration::from_secs(CREATE_WITHIN.as_secs() + 60);
/// First pause between two health checks of a new instance; it doubles.
const WATCH_FIRST: Duration = Duration::from_millis(50);
/// Longest pause between two health checks of a new instance.
const WATCH_LONGEST: Duration = Duration::from_secs(2);
/// How long a new instance is watched; then the ticks see to it.
const WATCH_FOR: Duration = Duration::from_mins(2);

/// Begins as many instances as are wanted and allowed; answers which.
pub(crate) async fn begin(app: &App, wanted: Wanted) -> Result<Vec<InstanceId>, DbError> {
    let mut conn = app.db.conn().await?;
    let begun = conn.transaction(async |conn| insert(app, conn, wanted).await);
    let begun = begun.await?;
    let ids = begun.iter().map(|begun| begun.id.clone()).collect();
    spawn(app, begun);
    Ok(ids)
}

/// Begins the deficit, without a tick: for those who wait.
pub(crate) async fn replenish(app: &App) -> Result<(), DbError> {
    let mut conn = app.db.conn().await?;
    let begun = conn.transaction(async |conn| insert_deficit(app, conn).await);
    spawn(app, begun.await?);
    Ok(())
}

/// Writes the rows of the deficit, as far as creations may begin at all; to be called in a transaction,
/// and then [`spawn`].
pub(crate) async fn insert_deficit(
    app: &App,
    conn: &mut AsyncPgConnection,
) -> Result<Vec<Begun>, DbError> {
    let at_once = creation_failures::allowance(conn).await?;
    if at_once == 0 {
        return Ok(Vec::new());
    }
    let warm = app.config.pool.pool_min_idle;
    insert(app, conn, Wanted::Deficit { warm, at_once }).await
}

async fn insert(
    app: &App,
    conn: &mut AsyncPgConnection,
    wanted: Wanted,
) -> Result<Vec<Begun>, DbError> {
    let pool = &app.config.pool;
    // Until its turn comes; then the creation has a lease of its own length.
    let lease = LEASE.max(pool.pool_stuck_timeout_ms.duration());
    leases::lock_the_count(conn).await?;
    instances::insert_starting(conn, wanted, pool.pool_max_total, lease).await
}

/// Creates the instances whose rows are written.
pub(crate) fn spawn(app: &App, begun: Vec<Begun>) {
    for one in begun {
        let span = info_span!("warm_up", instance.id = %one.id);
        tokio::spawn(create(app.clone(), one).instrument(span));
    }
}

/// Makes one instance, and watches it until it is idle.
async fn create(app: App, begun: Begun) {
    let started = Instant::now();
    let made = app.creating.track_future(in_turn(&app, &begun)).await;
    let id = &begun.id;
    let outcome = match made {
        Ok(Some(url)) => watch(&app, id, &url, started).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        warn!(
            error.chain = chain(&error),
            "instance {id} is left to the ticks: {error}"
        );
    }
}

async fn in_turn(app: &App, begun: &Begun) -> Result<Option<Url>, DbError> {
    let Ok(_turn) = app.creations.acquire().await else {
        // This replica is shutting down. Services was asked for nothing yet: another one begins anew.
        settle::give_up(app, Move::ABANDON_CREATION, &begun.id, Cause::ShutDown).await?;
        return Ok(None);
    };
    make(app, begun).await
}

/// Asks Services for the instance; `None` where it is not to be any more.
async fn make(app: &App, begun: &Begun) -> Result<Option<Url>, DbError> {
    let id = &begun.id;
    let tools = app.config.pool.pool_tools.ids();
    let held = leases::begin_creation(&mut *app.db.conn().await?, id, tools, LEASE).await?;
    if held == Held::No {
        settle::let_go(app, id).await?;
        return Ok(None);
    }
    let request = CreateInstanceRequest {
        instance_id: id.clone(),
        name: begun.name.clone(),
        tools: tools.to_vec(),
        image: None,
        variables: EnvVars::new(),
    };
    match app.services.create(&request).await {
        Ok(created) => made(app, id, created.url).await,
        Err(error) => {
            failed(app, id, &error).await?;
            Ok(None)
        }
    }
}

async fn made(app: &App, id: &InstanceId, url: Url) -> Result<Option<Url>, DbError> {
    counter!("agent_pool_creations_total", "outcome" => "created").increment(1);
    let mut conn = app.db.conn().await?;
    creation_failures::forget_all(&mut conn).await?;
    let held = leases::end_creation(&mut conn, id, &url).await?;
    drop(conn);
    match held {
        Held::Yes => Ok(Some(url)),
        Held::No => {
            settle::created_in_vain(app, id).await?;
            Ok(None)
        }
    }
}

/// Services undoes what it began, unless it is the one that failed: so it is asked to destroy.
async fn failed(app: &App, id: &InstanceId, failure: &CallError) -> Result<(), DbError> {
    counter!("agent_pool_creations_total", "outcome" => "failed").increment(1);
    let failed = Failed::of(failure, app.config.pool.pool_tools.ids());
    let (cause, said) = (&failed.cause, &failed.error);
    error!(error.chain = %said, "instance {id} cannot be created ({cause}): {said}");
    creation_failures::record(&mut *app.db.conn().await?, id, &failed).await?;
    settle::give_up(app, Move::ABANDON_CREATION, id, Cause::CreationFailed).await?;
    destruction::begin(app).await;
    Ok(())
}

/// Makes a new instance idle as soon as it is healthy, so that nobody waits for a tick.
async fn watch(app: &App, id: &InstanceId, url: &Url, started: Instant) -> Result<(), DbError> {
    let watched_since = Instant::now();
    let key = app.runtime_key();
    let mut pause = WATCH_FIRST;
    while !matches!(
        app.runtime.is_ready(url, key, HEALTH_WITHIN).await,
        Ok(true)
    ) {
        if watched_since.elapsed() > WATCH_FOR {
            info!("instance {id} is not healthy yet: the ticks see to it");
            return Ok(());
        }
        sleep(pause).await;
        pause = WATCH_LONGEST.min(pause * 2);
    }
    let mut conn = app.db.conn().await?;
    let causes = [(id.clone(), Cause::Healthy)];
    let moved = instances::mark(&mut conn, Move::BECOME_IDLE, &causes).await?;
    if !moved.is_empty() {
        info!("instance {id} became idle");
        histogram!("agent_pool_warm_up_seconds").record(started.elapsed().as_secs_f64());
    }
    Ok(())
}
