//! Drains idle instances.

use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use tracing::info;

use super::destruction::Destructions;
use crate::app::App;
use crate::db::instances;

/// Condemns the `count` oldest idle instances of a pool, or of all, or as many as there are. Returns their ids.
pub(crate) async fn drain(
    app: &App,
    destructions: &Destructions,
    pool: Option<&PoolName>,
    count: u32,
) -> Result<Vec<InstanceId>, DbError> {
    let mut conn = app.db.conn().await?;
    let drained = instances::drain_oldest_idle(&mut conn, pool, count).await?;
    drop(conn);
    for id in &drained {
        info!(instance.id = %id, "instance {id} is drained");
    }
    destructions.start_pending().await;
    Ok(drained)
}
