//! Roll-outs and upgrades.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{Affected, PoolView, RolloutRequest, UpgradeRequest, Upgrades};
use agent_pool_core::wire::problem::Problem;

use super::fleet::affected;
use super::pools::find;
use crate::app::App;
use crate::pool::Pool;
use crate::problem::from_database;
use crate::rollout::act;
use crate::upgrades;

/// `POST /api/pool/pools/:name/rollout`
pub(crate) async fn change(
    name: PoolName,
    request: RolloutRequest,
    pool: Pool,
) -> Result<PoolView, Problem> {
    let view = find(name.clone(), pool.app.clone()).await?;
    act(&pool.app, &pool.background, &view.name, request.action).await?;
    find(name, pool.app).await
}

/// `GET /api/pool/upgrades`
pub(crate) async fn list(app: App) -> Result<Upgrades, Problem> {
    upgrades::load(&app).await.map_err(from_database)
}

/// `POST /api/pool/upgrades`
pub(crate) async fn upgrade(request: UpgradeRequest, pool: Pool) -> Result<Affected, Problem> {
    let requested = upgrades::request(&pool.app, &pool.background, request).await?;
    Ok(affected(requested))
}
