//! Requests upgrades.

use agent_pool_client::CallError;
use agent_pool_core::wire::pool::{Status, UpgradeRequest};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::db::DbError;
use tracing::info;

use crate::app::App;
use crate::background::Background;
use crate::db::{pools, upgrades, views};
use crate::pools::Plan;
use crate::rollout::recipe_request;

/// Maximum instances of a request that are upgraded at a time.
const MOST_AT_ONCE: u16 = 50;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    #[error("name either instances (instanceIds) or a pool")]
    NoInstances,
    #[error("expected 1 to {MOST_AT_ONCE}")]
    Batch,
    #[error("there is no instance {0}")]
    Unknown(InstanceId),
    #[error("instance {id} is {}, not claimed: idle ones are replaced by a roll-out", status.as_str())]
    NotClaimed { id: InstanceId, status: Status },
    #[error("there is no pool {0}")]
    UnknownPool(PoolName),
    #[error("Services did not report the recipe")]
    Recipe(#[source] CallError),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Stores a request. Returns the instances that are to be upgraded.
pub(crate) async fn request(
    app: &App,
    background: &Background,
    request: UpgradeRequest,
) -> Result<Vec<InstanceId>, UpgradeError> {
    if !(1..=MOST_AT_ONCE).contains(&request.batch) {
        return Err(UpgradeError::Batch);
    }
    let instances = match &request.pool {
        Some(pool) if request.instance_ids.is_empty() => find_outdated(app, pool).await?,
        None if !request.instance_ids.is_empty() => {
            check_claimed(app, request.instance_ids).await?
        }
        _ => return Err(UpgradeError::NoInstances),
    };
    let by = Principal::current().map(|by| by.name);
    let mut conn = app.db.conn().await?;
    let inserted = upgrades::insert(&mut conn, &instances, request.batch, by.as_deref()).await?;
    drop(conn);
    for id in &inserted {
        info!(instance.id = %id, "the upgrade of instance {id} is requested");
    }
    background.request_upgrade();
    Ok(inserted)
}

async fn find_outdated(app: &App, name: &PoolName) -> Result<Vec<InstanceId>, UpgradeError> {
    let pool = pools::find(&mut *app.db.conn().await?, name).await?;
    let pool = pool.ok_or_else(|| UpgradeError::UnknownPool(name.clone()))?;
    let plan = Plan::new(&pool, &app.config.pool);
    let recipe = app.services.recipe(&recipe_request(&plan)).await;
    let recipe = recipe.map_err(UpgradeError::Recipe)?;
    let mut conn = app.db.conn().await?;
    Ok(upgrades::load_outdated(&mut conn, name, &recipe.hash).await?)
}

async fn check_claimed(
    app: &App,
    instances: Vec<InstanceId>,
) -> Result<Vec<InstanceId>, UpgradeError> {
    let mut conn = app.db.conn().await?;
    for id in &instances {
        let status = views::find_status(&mut conn, id).await?;
        let status = status.ok_or_else(|| UpgradeError::Unknown(id.clone()))?;
        if status != Status::Claimed {
            let id = id.clone();
            return Err(UpgradeError::NotClaimed { id, status });
        }
    }
    Ok(instances)
}
