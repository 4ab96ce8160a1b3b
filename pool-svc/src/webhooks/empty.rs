//! The event that no instance is idle. It has no moment of its own in the lifecycle log, so the state is compared.

use agent_pool_core::wire::pool::WebhookEvent;
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;

use crate::app::App;
use crate::db::webhooks::{self, Condition};
use crate::pools::{Plan, load_plans};

/// Raises the event once for each pool in which nothing is idle although instances are wanted.
pub(super) async fn check_empty(conn: &mut AsyncPgConnection, app: &App) -> Result<(), DbError> {
    let plans = load_plans(conn, &app.config.pool).await?;
    let stocked = webhooks::load_stocked_pools(conn).await?;
    for plan in &plans {
        let empty = plan.target > 0 && !stocked.contains(plan.name.as_str());
        conn.transaction(async |conn| note(conn, plan, empty).await)
            .await?;
    }
    Ok(())
}

async fn note(conn: &mut AsyncPgConnection, plan: &Plan, empty: bool) -> Result<(), DbError> {
    let name = format!("{} {}", WebhookEvent::PoolEmpty.as_str(), plan.name);
    if webhooks::note_condition(conn, &name, empty).await? == Condition::Began {
        let data = json!({ "pool": plan.name, "wanted": plan.target, "reason": plan.reason });
        webhooks::raise(conn, WebhookEvent::PoolEmpty, &data).await?;
    }
    Ok(())
}
