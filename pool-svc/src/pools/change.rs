//! Changes pools: by the API, by the dashboard, and by `POOLS_FILE`.
//!
//! All changes are serialised by the lock under which instances are counted, so that a deleted pool gets no more
//! instances, and two concurrent changes make two versions.

use std::time::Duration;

use agent_pool_client::CallError;
use agent_pool_core::wire::pool::{PoolSpec, Recipe, Status, WebhookEvent};
use agent_pool_core::wire::services::RecipeRequest;
use agent_pool_core::{InstanceId, PoolName, ToolId, chain};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::parse::{Unfit, merge, parse_spec};
use super::plan::with_tools;
use super::{Definition, load_plans};
use crate::app::App;
use crate::background::Background;
use crate::db::{creation_failures, instance_tools, instances, leases, pools, views, webhooks};
use crate::lifecycle::{Cause, Move};
use crate::ops::destruction::Destructions;

/// The principal recorded for changes by `POOLS_FILE`.
const FILE: &str = "POOLS_FILE";
/// Pause before the file is applied again after the database failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Time limit for Services to check a recipe. It may fetch the image of a recipe that it accepts.
const CHECKED_WITHIN: Duration = Duration::from_secs(5);

/// Why a pool cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("there is no pool {0}: see /api/pool/pools")]
    Unknown(PoolName),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(
        "pool {name} has version {found}, but the change is for version {expected}: read it again"
    )]
    Changed {
        name: PoolName,
        found: u32,
        expected: u32,
    },
    #[error("the pool default follows the settings and cannot be deleted")]
    Default,
    #[error(
        "pool {name} still has agents ({count}): kill them, or name a pool to move them to (moveTo)"
    )]
    InUse { name: PoolName, count: u32 },
    #[error(
        "pool {name} still has protected idle instances ({count}): lift their protection first"
    )]
    Protected { name: PoolName, count: u32 },
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<diesel::result::Error> for ChangeError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The new definition of a pool.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Replaces the old definition.
    Put(Value),
    /// Changes these members.
    Patch(Value),
}

impl Change {
    /// Whether the change resumes the pool, including one that was stopped by failed creations.
    fn resumes(&self) -> bool {
        let (Self::Put(value) | Self::Patch(value)) = self;
        value.pointer("/policy/paused") == Some(&Value::Bool(false))
    }

    /// The pool after the change.
    fn applied(
        &self,
        name: &PoolName,
        found: Option<&Definition>,
        limit: u32,
    ) -> Result<PoolSpec, ChangeError> {
        let whole = match self {
            Self::Put(value) => value.clone(),
            Self::Patch(patch) => {
                let found = found.ok_or_else(|| ChangeError::Unknown(name.clone()))?;
                let mut whole = json!(found.spec);
                merge(&mut whole, patch.clone());
                whole
            }
        };
        Ok(parse_spec(whole, limit)?)
    }
}

/// Refuses a recipe that Services cannot use, if it reports that in time. Otherwise creations or claims fail.
async fn check_recipe(app: &App, name: &PoolName, change: &Change) -> Result<(), ChangeError> {
    let found = pools::find(&mut *app.db.conn().await?, name).await?;
    let spec = change.applied(name, found.as_ref(), app.config.pool.pool_max_total)?;
    let same = found.is_some_and(|found| found.spec.recipe == spec.recipe);
    let named = named_tools(&spec.recipe);
    let request = RecipeRequest {
        tools: named.iter().map(|(_, tool)| tool.clone()).collect(),
        infra: spec.recipe.infra,
        image: spec.recipe.image,
        infra_options: spec.recipe.infra_options,
        ..RecipeRequest::default()
    };
    if same || request == RecipeRequest::default() {
        return Ok(());
    }
    match timeout(CHECKED_WITHIN, app.services.recipe(&request)).await {
        Ok(Err(CallError::Refused { problem, .. })) if matches!(problem.status, 400 | 422) => {
            let field = problem.field.as_deref().unwrap_or("infra");
            let mut fields = named.iter().enumerate();
            let list = fields.find(|(index, _)| field == format!("tools[{index}]"));
            let field = list.map_or(field, |(_, (list, _))| list);
            Err(Unfit::new(&format!("recipe.{field}"), problem.detail).into())
        }
        Ok(Err(error)) => {
            let error = chain(&error);
            warn!("the recipe of pool {name} is not checked: {error}");
            Ok(())
        }
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// The tools of all phases, each with the name of its list.
fn named_tools(recipe: &Recipe) -> Vec<(&'static str, ToolId)> {
    let lists = [
        ("tools", &recipe.tools),
        ("claimTools", &recipe.claim_tools),
        ("demandTools", &recipe.demand_tools),
    ];
    let named = lists.into_iter().flat_map(|(list, tools)| {
        let tools = tools.iter().flatten();
        tools.map(move |tool| (list, tool.clone()))
    });
    named.collect()
}

/// Applies `change` to a pool. Does nothing if the pool already has that definition. `expected` is the version that the
/// change is for, if any.
pub(crate) async fn change(
    app: &App,
    background: &Background,
    name: &PoolName,
    change: Change,
    expected: Option<u32>,
) -> Result<(), ChangeError> {
    check_recipe(app, name, &change).await?;
    let limit = app.config.pool.pool_max_total;
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
        let spec = change.applied(name, found.as_ref(), limit)?;
        if found.as_ref().is_some_and(|found| found.spec == spec) {
            return Ok(false);
        }
        pools::put(conn, name, &spec, by.as_deref(), None).await?;
        // Its claim tools apply to the next claim, not only to instances that are created from now on.
        let recipe = with_tools(spec.recipe.clone(), &app.config.pool);
        instance_tools::update_claim_tools(conn, name, &recipe).await?;
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

/// Notifies webhooks if the change pauses a pool. Call it in the transaction of the change.
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
    let data = json!({ "pool": name, "by": by, "reason": "its policy is set to paused" });
    webhooks::raise(conn, WebhookEvent::PoolPaused, &data).await
}

/// The outcome of a deletion.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    /// Unclaimed instances that are being destroyed.
    pub(crate) condemned: Vec<InstanceId>,
    /// How many agents were moved to another pool.
    pub(crate) moved: u32,
}

/// Deletes a pool and drains it. Its agents move to another pool, or there must be none.
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
    // Starting before idle: an instance that becomes idle in between is found by the second statement. No claim takes
    // one afterwards.
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

/// Applies `POOLS_FILE` once, as soon as the database is reachable. A pool that was changed since its declaration was
/// last applied keeps the change, unless the declaration changed too. Claim tools of changed settings apply to idle
/// instances as well.
pub(crate) fn declare(app: &App, background: &Background) {
    let (app, woken) = (app.clone(), background.clone());
    let work = async move {
        while let Err(error) = declare_all(&app).await {
            let error = chain(&error);
            warn!("POOLS_FILE and the settings of pools could not be applied yet: {error}");
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
        for plan in load_plans(conn, &app.config.pool).await? {
            instance_tools::update_claim_tools(conn, &plan.name, &plan.recipe).await?;
        }
        Ok(())
    })
    .await
}
