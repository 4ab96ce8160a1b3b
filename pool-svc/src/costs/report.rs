//! `GET /api/pool/costs`: the ledger, added up.

use std::collections::BTreeMap;

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{AgentCosts, BudgetState, Costs, DayCosts, PoolCosts, Spent};
use agent_pool_service_kit::db::DbError;

use crate::app::App;
use crate::db::cost_sums::{self, Days};
use crate::pools::load_plans;

/// Maximum number of instances of a pool in a report.
const MOST_INSTANCES: u16 = 100;

/// What all pools, or one pool, cost on these days.
pub(crate) async fn report(
    app: &App,
    days: Days,
    only: Option<&PoolName>,
) -> Result<Costs, DbError> {
    let mut conn = app.db.conn().await?;
    let mut pools: BTreeMap<PoolName, PoolCosts> = BTreeMap::new();
    for plan in load_plans(&mut conn, &app.config.pool).await? {
        if let Some(used) = plan.budget {
            entry(&mut pools, plan.name).budget = Some(BudgetState {
                budget: used.budget,
                spent_micros: used.spent,
                renews_at: used.renews_at,
            });
        }
    }
    for sum in cost_sums::load_days(&mut conn, days).await? {
        let pool = entry(&mut pools, sum.pool);
        let (day, spent) = (sum.key, sum.spent);
        pool.spent = add(pool.spent, spent);
        pool.days.push(DayCosts { day, spent });
    }
    for (pool, costs) in cost_sums::load_resources(&mut conn, days).await? {
        entry(&mut pools, pool).resources.push(costs);
    }
    for sum in cost_sums::load_instances(&mut conn, days, MOST_INSTANCES).await? {
        entry(&mut pools, sum.pool).agents.push(AgentCosts {
            instance_id: sum.key.id,
            agent_name: sum.key.agent_name,
            spent: sum.spent,
        });
    }
    let mut pools: Vec<PoolCosts> = pools.into_values().collect();
    pools.retain(|costs| only.is_none_or(|only| costs.pool == *only));
    Ok(Costs {
        since: days.since,
        until: days.until,
        pools,
    })
}

fn entry(pools: &mut BTreeMap<PoolName, PoolCosts>, pool: PoolName) -> &mut PoolCosts {
    pools.entry(pool.clone()).or_insert_with(|| PoolCosts {
        pool,
        spent: Spent::default(),
        budget: None,
        days: Vec::new(),
        resources: Vec::new(),
        agents: Vec::new(),
    })
}

const fn add(one: Spent, other: Spent) -> Spent {
    Spent {
        idle_micros: one.idle_micros + other.idle_micros,
        agent_micros: one.agent_micros + other.agent_micros,
        failed_micros: one.failed_micros + other.failed_micros,
    }
}
