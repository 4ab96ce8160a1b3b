//! A pool as it is to be now.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::Recipe;
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;

use super::Definition;
use crate::config::PoolSettings;
use crate::db::instances::{Demand, Wanted};
use crate::db::pools;

/// What a pool is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) name: PoolName,
    /// With the tools of the settings, if the pool declares none of its own.
    pub(crate) recipe: Recipe,
    /// How many idle instances to keep.
    pub(crate) target: u32,
    /// The reason of the number, in words.
    pub(crate) reason: String,
    /// How many instances it may have in all.
    pub(crate) max_total: u32,
    /// Whether instances are only made if an operator asks.
    pub(crate) paused: bool,
}

impl Plan {
    pub(crate) fn new(pool: &Definition, settings: &PoolSettings) -> Self {
        let policy = &pool.spec.policy;
        let usual = if pool.name.is_default() {
            settings.pool_min_idle
        } else {
            0
        };
        let all = settings.pool_max_total;
        let max_total = policy.max_total.map_or(all, |max| max.min(all));
        let fixed = policy.min_idle.unwrap_or(usual);
        let (target, reason) = match (&policy.objective, &pool.sizing) {
            (None, _) => (fixed, format!("{fixed} wanted, as the policy says")),
            (Some(_), Some(sizing)) => (sizing.target.min(max_total), sizing.reason.clone()),
            (Some(objective), None) => {
                let min = objective.min.min(max_total);
                (
                    min,
                    format!("{min} wanted, the minimum, until the demand is known"),
                )
            }
        };
        Self {
            name: pool.name.clone(),
            recipe: with_tools(pool.spec.recipe.clone(), settings),
            target,
            reason,
            max_total,
            paused: policy.paused,
        }
    }

    /// As many as are missing, and no more than `at_once`.
    pub(crate) fn deficit(&self, at_once: u32) -> Demand {
        let warm = self.target;
        self.demand(Wanted::Deficit { warm, at_once }, self.reason.clone())
    }

    /// This many more.
    pub(crate) fn extra(&self, count: u32) -> Demand {
        let reason = format!("{count} more were asked for");
        self.demand(Wanted::Extra(count), reason)
    }

    fn demand(&self, wanted: Wanted, reason: String) -> Demand {
        Demand {
            pool: self.name.clone(),
            recipe: self.recipe.clone(),
            max_total: self.max_total,
            wanted,
            reason,
        }
    }
}

/// `recipe` with the tools of the settings, if it names none.
pub(crate) fn with_tools(mut recipe: Recipe, settings: &PoolSettings) -> Recipe {
    recipe
        .tools
        .get_or_insert_with(|| settings.pool_tools.ids().to_vec());
    recipe
}

/// How many idle instances the pools keep in all.
pub(crate) fn total_target(plans: &[Plan]) -> u32 {
    plans.iter().map(|plan| plan.target).sum()
}

/// Every pool as it is to be now, the pool `default` first.
pub(crate) async fn load_plans(
    conn: &mut AsyncPgConnection,
    settings: &PoolSettings,
) -> Result<Vec<Plan>, DbError> {
    let pools = pools::load(conn).await?;
    Ok(pools.iter().map(|pool| Plan::new(pool, settings)).collect())
}

#[cfg(test)]
mod tests {
    use agent_pool_core::settings::Environment;

    use super::*;
    use crate::config::Config;

    fn settings() -> PoolSettings {
        let all = [
            ("POOL_API_KEY", "a-key-of-16-characters"),
            ("POOL_DATABASE_URL", "postgres://u:p@h/pool"),
            ("SERVICES_URL", "http://127.0.0.1:3002"),
            ("POOL_MIN_IDLE", "3"),
            ("POOL_MAX_TOTAL", "10"),
            ("POOL_TOOLS", "exa"),
        ];
        Config::from_env(&Environment::from_iter(all)).unwrap().pool
    }

    #[test]
    fn what_a_pool_does_not_declare_follows_the_settings() {
        let plan = Plan::new(&Definition::of_settings(), &settings());
        assert_eq!((plan.target, plan.max_total, plan.paused), (3, 10, false));
        assert_eq!(plan.recipe.tools, Some(vec!["exa".parse().unwrap()]));
        let mut other = Definition::of_settings();
        other.name = "research".parse().unwrap();
        assert_eq!(Plan::new(&other, &settings()).target, 0);
        other.spec.policy.max_total = Some(99);
        other.spec.policy.min_idle = Some(4);
        other.spec.recipe.tools = Some(Vec::new());
        let plan = Plan::new(&other, &settings());
        assert_eq!(
            (plan.target, plan.max_total),
            (4, 10),
            "POOL_MAX_TOTAL is for all"
        );
        assert_eq!(plan.recipe.tools, Some(Vec::new()));
    }
}
