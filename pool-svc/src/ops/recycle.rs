//! Replaces instances that have been idle for too long. The new ones are part of the deficit (see
//! [`Plan::deficit`](crate::pools::Plan::deficit)); here the old ones are condemned, as far as the pool has more idle
//! ones than its target.

use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tracing::info;

use crate::db::{explain, guards};
use crate::pools::Plan;

pub(crate) async fn recycle(conn: &mut AsyncPgConnection, plans: &[Plan]) -> Result<(), DbError> {
    for plan in plans {
        let Some(max_idle) = plan.max_idle else {
            continue;
        };
        let reason = format!("idle for more than {} s", max_idle.as_secs());
        let removed = conn
            .transaction(async |conn| {
                explain::set_reason(conn, &reason).await?;
                guards::remove_stale(conn, &plan.name, plan.target, max_idle).await
            })
            .await?;
        for id in &removed {
            info!(instance.id = %id, "instance {id} is replaced: {reason}");
        }
    }
    Ok(())
}
