//! Pools as the API and the pages show them.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::PoolView;
use agent_pool_service_kit::db::DbError;

use super::{Definition, Plan, hold};
use crate::app::App;
use crate::db::{creation_failures, pools, rollouts, views};

/// Every pool with its counts, the pool `default` first.
pub(crate) async fn load_views(app: &App) -> Result<Vec<PoolView>, DbError> {
    let mut conn = app.db.conn().await?;
    let all = pools::load(&mut conn).await?;
    let mut counts = views::count_by_pool(&mut conn).await?;
    let mut waiting = pools::count_waiting(&mut conn).await?;
    let failures = creation_failures::load(&mut conn).await?;
    let mut latest = rollouts::load_latest(&mut conn).await?;
    let view = |pool: Definition| {
        let plan = Plan::new(&pool, &app.config.pool);
        let name = pool.name.as_str();
        PoolView {
            target: plan.target,
            sizing: pool.sizing,
            max_total: plan.max_total,
            counts: counts.remove(name).unwrap_or_default(),
            waiting: waiting.remove(name).unwrap_or_default(),
            hold: plan.hold.or_else(|| hold::stop(&failures, &pool.name)),
            rollout: latest.remove(name),
            recipe: pool.spec.recipe,
            policy: pool.spec.policy,
            version: pool.version,
            changed_by: pool.changed_by,
            changed_at: pool.changed_at,
            name: pool.name,
        }
    };
    Ok(all.into_iter().map(view).collect())
}

/// One pool with its counts, if it exists.
pub(crate) async fn find_view(app: &App, name: &PoolName) -> Result<Option<PoolView>, DbError> {
    let all = load_views(app).await?;
    Ok(all.into_iter().find(|pool| pool.name == *name))
}
