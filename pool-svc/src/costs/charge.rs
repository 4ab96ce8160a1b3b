//! Brings the ledger up to date, and notices when a budget is reached.

use agent_pool_core::in_dollars;
use agent_pool_core::wire::pool::WebhookEvent;
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use tracing::warn;

use crate::config::PoolSettings;
use crate::db::{costs, webhooks};
use crate::pool_gauges::PoolGauges;
use crate::pools::{BudgetUse, Plan, load_plans};

/// What a pool with a budget has spent, and its budget.
pub(crate) type BudgetGauges = PoolGauges<2>;

pub(crate) const fn budget_gauges() -> BudgetGauges {
    PoolGauges::new([
        "agent_pool_budget_spent_dollars",
        "agent_pool_budget_dollars",
    ])
}

/// Charges the cost of resources until now. Webhooks are notified once when a pool reaches its budget.
pub(crate) async fn charge(
    conn: &mut AsyncPgConnection,
    settings: &PoolSettings,
    gauges: &BudgetGauges,
) -> Result<(), DbError> {
    conn.transaction(async |conn| costs::charge(conn).await)
        .await?;
    let plans = load_plans(conn, settings).await?;
    let budgets = plans.iter().filter_map(|plan| Some((plan, plan.budget?)));
    let budgets: Vec<(&Plan, BudgetUse)> = budgets.collect();
    for (plan, used) in &budgets {
        let amounts = [used.spent, used.budget.micros];
        gauges.set(&plan.name, amounts.map(in_dollars));
    }
    conn.transaction(async |conn| notice(conn, &budgets).await)
        .await
}

async fn notice(
    conn: &mut AsyncPgConnection,
    budgets: &[(&Plan, BudgetUse)],
) -> Result<(), DbError> {
    let event = WebhookEvent::BudgetReached;
    let reached = budgets.iter().filter(|(_, used)| used.is_reached());
    let names: Vec<&str> = reached
        .clone()
        .map(|(plan, _)| plan.name.as_str())
        .collect();
    let began = webhooks::note_state(conn, event, &names).await?;
    for (plan, used) in reached.filter(|(plan, _)| began.contains(plan.name.as_str())) {
        let reason = used.to_string();
        warn!("pool {} creates no instances: {reason}", plan.name);
        let data = json!({ "pool": plan.name, "reason": reason });
        webhooks::raise(conn, event, &data).await?;
    }
    Ok(())
}
