//! Bringing the ledger up to date, and noticing that a budget is reached.

use agent_pool_core::wire::pool::WebhookEvent;
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use metrics::gauge;
use serde_json::json;
use tracing::warn;

use crate::config::PoolSettings;
use crate::db::costs;
use crate::db::webhooks::{self, Condition};
use crate::pools::{BudgetUse, Plan, load_plans};

/// Charges what resources cost until now. Webhooks are notified once when a pool reaches its budget.
pub(crate) async fn charge(
    conn: &mut AsyncPgConnection,
    settings: &PoolSettings,
) -> Result<(), DbError> {
    if !costs::is_anything_open(conn).await? {
        return Ok(());
    }
    conn.transaction(async |conn| costs::charge(conn).await)
        .await?;
    for plan in load_plans(conn, settings).await? {
        if let Some(used) = plan.budget {
            show(&plan, used);
            conn.transaction(async |conn| notice(conn, &plan, used).await)
                .await?;
        }
    }
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float, and dollars have fewer than 2^53 millionths"
)]
fn show(plan: &Plan, used: BudgetUse) {
    let dollars = |micros: u64| micros as f64 / 1e6;
    let pool = plan.name.to_string();
    gauge!("agent_pool_budget_spent_dollars", "pool" => pool.clone()).set(dollars(used.spent));
    gauge!("agent_pool_budget_dollars", "pool" => pool).set(dollars(used.budget.micros));
}

async fn notice(conn: &mut AsyncPgConnection, plan: &Plan, used: BudgetUse) -> Result<(), DbError> {
    let event = WebhookEvent::BudgetReached;
    let condition = format!("{} {}", event.as_str(), plan.name);
    let noted = webhooks::note_condition(conn, &condition, used.is_reached()).await?;
    if noted == Condition::Began {
        let reason = used.to_string();
        warn!("pool {} creates no instances: {reason}", plan.name);
        let data = json!({ "pool": plan.name, "reason": reason });
        webhooks::raise(conn, event, &data).await?;
    }
    Ok(())
}
