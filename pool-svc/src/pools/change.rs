//! Changing what pools are: by the API, by the page, and by `POOLS_FILE`.
//!
//! All changes are serialised by the lock under which instances are counted, so that a pool that is deleted gets no
//! more instances, and two changes at once are two versions.

use std::time::Duration;

use agent_pool_core::wire::pool::{PoolSpec, Status, WebhookEvent};
use agent_pool_core::{InstanceId, PoolName, chain};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::{info, warn};

use super::Definition;
use super::parse::{Unfit, merge, parse_spec};
use crate::app::App;
use crate::background::Background;
use crate::db::{creation_failures, instances, leases, pools, views, webhooks};
use crate::lifecycle::{Cause, Move};
use crate::ops::destruction::Destructions;

/// Who is on record for what `POOLS_FILE` says.
const FILE: &str = "POOLS_FILE";
/// Pause before the file is applied again after the database failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a pool is not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("there is no pool {0}: see /api/pool/pools")]
    Unknown(PoolName),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(
        "pool {name} is at version {found}, and the change is for version {expected}: read it again"
    )]
    Changed {
        name: PoolName,
        found: u32,
        expected: u32,
    },
    #[error("the pool default is what the settings say, and cannot be deleted")]
    Default,
    #[error("pool {name} has {count} agents: kill them, or name a pool to move them to (moveTo)")]
    InUse { name: PoolName, count: u32 },
    #[error("pool {name} has {count} protected idle instances: lift their protection first")]
    Protected { name: PoolName, count: u32 },
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<diesel::result::Error> for ChangeError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What a pool is to be.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// This, and nothing of before.
    Put(Value),
    /// What it is, with these members.
    Patch(Value),
}

impl Change {
    /// Whether somebody resumes the pool, also one that creations which failed have stopped.
    fn resumes(&self) -> bool {
        let (Self::Put(value) | Self::Patch(value)) = self;
        value.pointer("/policy/paused") == Some(&Value::Bool(false))
    }
}

/// Makes a pool what `change` says, or changes nothing if it is that already. `expected` is the version that the
/// change is for, if that matters.
pub(crate) async fn change(
    app: &App,
    background: &Background,
    name: &PoolName,
    change: Change,
    expected: Option<u32>,
) -> Result<(), ChangeError> {
    let settings = &app.config.pool;
    let by = Principal::current().map(|by| by.name);
    let mut conn = app.db.conn().await?;
    let changed = conn.transaction(async |conn| {
        leases::lock_count(conn).await?;
        let found = pools::find(conn, name).await?;
        let version = found.as_ref().map_or(0, |found| found.version);
        if let Some(expected) = expected.filter(|expected| *expected != version) {
            let (name, found) = (name.clone(), version);
            return Err(ChangeError::Changed {
                name,
                found,
                expected,
            });
        }
        if change.resumes() {
            creation_failures::forget_all(conn, name).await?;
        }
        let spec = match change {
            Change::Put(value) => parse_spec(value, settings.pool_max_total)?,
            Change::Patch(patch) => {
                let found = found
                    .as_ref()
                    .ok_or_else(|| ChangeError::Unknown(name.clone()))?;
                let mut whole = json!(found.spec);
                merge(&mut whole, patch);
                parse_spec(whole, settings.pool_max_total)?
            }
        };
        if found.as_ref().is_some_and(|found| found.spec == spec) {
            return Ok(false);
        }
        pools::put(conn, name, &spec, by.as_deref(), None).await?;
        raise_if_paused(conn, name, found.as_ref(), &spec, by.as_deref()).await?;
        Ok(true)
    });
    if changed.await? {
        info!(
            "pool {name} is changed by {}",
            by.as_deref().unwrap_or("nobody")
        );
        background.request_roll_out();
    }
    background.request_replenish();
    Ok(())
}

/// Notifies webhooks of a pool that is paused from now on. To be called in the transaction of the change.
async fn raise_if_paused(
    conn: &mut AsyncPgConnection,
    name: &PoolName,
    before: Option<&Definition>,
    spec: &PoolSpec,
    by: Option<&str>,
) -> Result<(), DbError> {
    let was_paused = before.is_some_and(|before| before.spec.policy.paused);
    if !spec.policy.paused || was_paused {
        return Ok(());
    }
    let data = json!({ "pool": name, "by": by, "reason": "its policy says so" });
    webhooks::raise(conn, WebhookEvent::PoolPaused, &data).await
}

/// What became of a pool that was deleted.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    /// Instances that nobody had claimed, and that are being destroyed.
    pub(crate) condemned: Vec<InstanceId>,
    /// How many agents belong to another pool now.
    pub(crate) moved: u32,
}

/// Deletes a pool and drains it. Its agents go to another pool, or there must be none.
pub(crate) async fn delete(
    app: &App,
    destructions: &Destructions,
    name: &PoolName,
    move_to: Option<&PoolName>,
) -> Result<Deleted, ChangeError> {
    if name.is_default() {
        return Err(ChangeError::Default);
    }
    let mut conn = app.db.conn().await?;
    let deleted = conn.transaction(async |conn| delete_in(conn, name, move_to).await);
    let deleted = deleted.await?;
    drop(conn);
    info!("pool {name} is deleted");
    destructions.start_pending().await;
    Ok(deleted)
}

async fn delete_in(
    conn: &mut AsyncPgConnection,
    name: &PoolName,
    move_to: Option<&PoolName>,
) -> Result<Deleted, ChangeError> {
    leases::lock_count(conn).await?;
    let by = Principal::current().map(|by| by.name);
    if !pools::delete(conn, name, by.as_deref()).await? {
        return Err(ChangeError::Unknown(name.clone()));
    }
    let mut deleted = Deleted::default();
    // Those that become idle in between are found with the idle ones, and no claim takes one afterwards.
    for (status, step) in [
        (Status::Starting, Move::CONDEMN_STARTING),
        (Status::Idle, Move::CONDEMN_IDLE),
    ] {
        let ids = views::load_ids(conn, name, status).await?;
        let causes: Vec<_> = ids.into_iter().map(|id| (id, Cause::PoolDeleted)).collect();
        deleted
            .condemned
            .extend(instances::mark(conn, step, &causes).await?);
    }
    if let Some(target) = move_to {
        let known = *target != *name && pools::find(conn, target).await?.is_some();
        if !known {
            return Err(ChangeError::Unknown(target.clone()));
        }
        let moved = pools::move_agents(conn, name, target).await?;
        deleted.moved = u32::try_from(moved).unwrap_or(u32::MAX);
    }
    let mut counts = views::count_by_pool(conn).await?;
    let counts = counts.remove(name.as_str()).unwrap_or_default();
    if counts.idle > 0 {
        return Err(ChangeError::Protected {
            name: name.clone(),
            count: counts.idle,
        });
    }
    match counts.claiming + counts.claimed + counts.crashed {
        0 => Ok(deleted),
        count => Err(ChangeError::InUse {
            name: name.clone(),
            count,
        }),
    }
}

/// Applies `POOLS_FILE` once, as soon as the database can be reached. What the file said before, and somebody has
/// changed since, stays changed.
pub(crate) fn declare(app: &App, background: &Background) {
    if app.config.declared.is_empty() {
        return;
    }
    let (app, woken) = (app.clone(), background.clone());
    let work = async move {
        while let Err(error) = declare_all(&app).await {
            let error = chain(&error);
            warn!("POOLS_FILE is not applied yet: {error}");
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = woken.shutdown().wait() => return,
            }
        }
        woken.request_replenish();
    };
    drop(background.tasks.spawn("pools_file", work));
}

async fn declare_all(app: &App) -> Result<(), DbError> {
    let mut conn = app.db.conn().await?;
    conn.transaction(async |conn| {
        leases::lock_count(conn).await?;
        for (name, spec) in &app.config.declared {
            if pools::find_declared(conn, name).await?.as_ref() != Some(spec) {
                let before = pools::find(conn, name).await?;
                pools::put(conn, name, spec, Some(FILE), Some(spec)).await?;
                raise_if_paused(conn, name, before.as_ref(), spec, Some(FILE)).await?;
                info!("pool {name} is declared by POOLS_FILE");
            }
        }
        Ok(())
    })
    .await
}
