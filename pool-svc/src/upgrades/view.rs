//! Shows the recipe and the running version of each instance.

use std::collections::HashMap;

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{InstanceRecipe, InstanceView, PoolRecipe, Upgrade, Upgrades};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;

use crate::app::App;
use crate::db::{rollouts, upgrades, views};
use crate::pools::{Plan, load_plans};
use crate::rollout::recipe_request;

/// The current recipe of each pool, and what each instance is made from and runs.
pub(crate) async fn load(app: &App) -> Result<Upgrades, DbError> {
    let mut conn = app.db.conn().await?;
    let plans = load_plans(&mut conn, &app.config.pool).await?;
    let mut latest = rollouts::load_latest(&mut conn).await?;
    let instances = views::load_all(&mut conn, &app.config.cipher).await?;
    let mut requested = upgrades::load_latest(&mut conn).await?;
    drop(conn);
    let mut pools = join_all(plans.iter().map(|plan| describe(app, plan))).await;
    for pool in &mut pools {
        pool.rollout = latest.remove(pool.pool.as_str());
    }
    let recipes: HashMap<&PoolName, &PoolRecipe> =
        pools.iter().map(|pool| (&pool.pool, pool)).collect();
    let instances = instances.into_iter().map(|instance| {
        let upgrade = requested.remove(instance.id.as_str());
        compare(instance, &recipes, upgrade)
    });
    Ok(Upgrades {
        instances: instances.collect(),
        pools,
    })
}

async fn describe(app: &App, plan: &Plan) -> PoolRecipe {
    let asked = app.services.recipe(&recipe_request(plan)).await;
    let (recipe, problem) = match asked {
        Ok(recipe) => (Some(recipe), None),
        Err(error) => (None, Some(error.to_string())),
    };
    PoolRecipe {
        pool: plan.name.clone(),
        recipe,
        problem,
        rollout: None,
    }
}

fn compare(
    instance: InstanceView,
    recipes: &HashMap<&PoolName, &PoolRecipe>,
    upgrade: Option<Upgrade>,
) -> InstanceRecipe {
    let recipe = recipes.get(&instance.pool);
    let recipe = recipe.and_then(|pool| pool.recipe.as_ref());
    let both = recipe.zip(instance.made_from.as_ref());
    InstanceRecipe {
        current: both.map(|(recipe, made_from)| recipe.hash == *made_from),
        instance_id: instance.id,
        pool: instance.pool,
        status: instance.status,
        agent_name: instance.agent_name,
        made_from: instance.made_from,
        runs: instance.runs.unwrap_or_default(),
        upgrade,
    }
}
