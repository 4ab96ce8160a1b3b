//! The event `pool.empty`: no instance is idle. It is not an entry of the lifecycle log, so the state is polled.

use agent_pool_core::wire::pool::WebhookEvent;
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;

use crate::app::App;
use crate::db::webhooks;
use crate::pools::{Plan, load_plans};

/// Raises the event once for each pool that has a target but no idle instance.
pub(super) async fn check_empty(conn: &mut AsyncPgConnection, app: &App) -> Result<(), DbError> {
    let plans = load_plans(conn, &app.config.pool).await?;
    let stocked = webhooks::load_stocked_pools(conn).await?;
    let empty = |plan: &&Plan| plan.target > 0 && !stocked.contains(plan.name.as_str());
    let empty: Vec<&Plan> = plans.iter().filter(empty).collect();
    conn.transaction(async |conn| notice(conn, &empty).await)
        .await
}

async fn notice(conn: &mut AsyncPgConnection, empty: &[&Plan]) -> Result<(), DbError> {
    let event = WebhookEvent::PoolEmpty;
    let names: Vec<&str> = empty.iter().map(|plan| plan.name.as_str()).collect();
    let began = webhooks::note_state(conn, event, &names).await?;
    for plan in empty
        .iter()
        .filter(|plan| began.contains(plan.name.as_str()))
    {
        let data = json!({ "pool": plan.name, "wanted": plan.target, "reason": plan.reason });
        webhooks::raise(conn, event, &data).await?;
    }
    Ok(())
}
