//! The work of a tick that needs no fence: gauges, ending agents, costs and pruning.

use std::collections::{BTreeMap, HashSet};
use std::sync::PoisonError;

use agent_pool_core::wire::pool::{Counts, Status};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use metrics::gauge;

use super::decide::PROVEN_AFTER;
use super::ticker::Ticker;
use crate::costs::charge;
use crate::db::chores::{self, Chores};
use crate::db::fleet::FleetRow;
use crate::db::{claim_keys, costs, creation_failures, events, upgrades, views};
use crate::ops::end_agents::{Agents, end_agents};
use crate::ops::recycle::recycle;
use crate::pools::{Plan, load_plans};

/// The plans of the pools and the work to do for them.
pub(super) struct Wanted {
    plans: Vec<Plan>,
    /// Whether instances are missing.
    pub(super) is_short: bool,
    chores: Chores,
}

/// Does not depend on the observation of the fleet, so that both can be loaded concurrently.
pub(super) async fn load_wanted(ticker: &Ticker) -> Result<Wanted, DbError> {
    let mut conn = ticker.app.db.conn().await?;
    let plans = load_plans(&mut conn, &ticker.app.config.pool).await?;
    Ok(Wanted {
        is_short: ticker.creations.is_any_short(&mut conn, &plans).await?,
        chores: chores::load(&mut conn).await?,
        plans,
    })
}

/// Ends agents and replaces idle instances by age, charges costs, and removes old log entries and keys, and pauses that
/// are no longer needed.
pub(super) async fn tidy(
    ticker: &Ticker,
    fleet: &[FleetRow],
    activity: &[(InstanceId, DateTime<Utc>)],
    wanted: &Wanted,
) -> Result<(), DbError> {
    let pool = &ticker.app.config.pool;
    let counts = count_by_pool(fleet);
    show(ticker, &counts);
    let Wanted { plans, chores, .. } = wanted;
    let mut conn = ticker.app.db.conn().await?;
    let limited = fleet.iter().filter(|row| row.limited);
    let limited_in: HashSet<&str> = limited.map(|row| &*row.pool).collect();
    let ends = |plan: &Plan| plan.max_idle.is_some() || plan.ends.ends_any();
    if !limited_in.is_empty() || plans.iter().any(ends) {
        recycle(&mut conn, plans).await?;
        let agents = Agents {
            activity,
            limited_in: &limited_in,
        };
        end_agents(&mut conn, plans, agents).await?;
        ticker.destructions.start_pending().await;
    }
    let budgeted = chores.budget_reached || plans.iter().any(|plan| plan.budget.is_some());
    if chores.open_costs || budgeted {
        charge(&mut conn, pool, &ticker.budgets).await?;
    }
    let has_budget = |name: &PoolName| {
        let mut with = plans.iter().filter(|plan| plan.budget.is_some());
        with.any(|plan| plan.name == *name)
    };
    ticker.budgets.retain(has_budget);
    if chores.failures {
        creation_failures::forget_early_deaths(&mut conn, PROVEN_AFTER).await?;
        let idle = |name: &PoolName| counts.get(name.as_str()).map_or(0, |counts| counts.idle);
        let full = plans.iter().filter(|plan| idle(&plan.name) >= plan.target);
        let full: Vec<&str> = full.map(|plan| plan.name.as_str()).collect();
        creation_failures::forget_paused(&mut conn, &full).await?;
    }
    if ticker.is_time_to_prune() {
        events::prune(&mut conn, pool.pool_events_keep_days).await?;
        claim_keys::prune(&mut conn).await?;
        costs::prune(&mut conn).await?;
        upgrades::prune(&mut conn, pool.pool_events_keep_days).await?;
    }
    Ok(())
}

/// The instances of each pool that has any, and of the pool `default`.
fn count_by_pool(fleet: &[FleetRow]) -> BTreeMap<&str, Counts> {
    let mut all = BTreeMap::from([(PoolName::DEFAULT, Counts::default())]);
    for row in fleet {
        *views::count_mut(all.entry(&row.pool).or_default(), row.status) += 1;
    }
    all
}

/// Sets the gauges, also those of pools that have no instances any more.
fn show(ticker: &Ticker, counts: &BTreeMap<&str, Counts>) {
    let mut shown = ticker.shown.lock().unwrap_or_else(PoisonError::into_inner);
    shown.extend(counts.keys().map(|pool| (*pool).to_owned()));
    for pool in shown.iter() {
        let mut counts = counts.get(pool.as_str()).copied().unwrap_or_default();
        for status in Status::ALL {
            let count = *views::count_mut(&mut counts, status);
            let status = status.as_str();
            gauge!("agent_pool_instances", "pool" => pool.clone(), "status" => status).set(count);
        }
    }
}
