//! Retries and stops roll-outs on request.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{RolloutAction, RolloutState, WebhookEvent};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use tracing::info;

use crate::app::App;
use crate::background::Background;
use crate::db::rollouts::{self, StoredRollout, Update};
use crate::db::{leases, webhooks};

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RolloutError {
    #[error("pool {0} has no stopped roll-out to retry")]
    NotStopped(PoolName),
    #[error("pool {0} has no roll-out in progress to stop")]
    NotActive(PoolName),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<diesel::result::Error> for RolloutError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Carries out a request about the latest roll-out of a pool.
pub(crate) async fn act(
    app: &App,
    background: &Background,
    pool: &PoolName,
    action: RolloutAction,
) -> Result<(), RolloutError> {
    let mut conn = app.db.conn().await?;
    conn.transaction(async |conn| {
        leases::lock_count(conn).await?;
        let latest = rollouts::find_latest(conn, pool).await?;
        match action {
            RolloutAction::Retry => retry(conn, pool, latest).await,
            RolloutAction::Stop => stop(conn, pool, latest).await,
        }
    })
    .await?;
    background.request_roll_out();
    Ok(())
}

async fn retry(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    latest: Option<StoredRollout>,
) -> Result<(), RolloutError> {
    let stopped = latest.filter(|stored| stored.rollout.state == RolloutState::Stopped);
    let stored = stopped.ok_or_else(|| RolloutError::NotStopped(pool.clone()))?;
    let by = Principal::current().map(|by| by.name);
    rollouts::restart(conn, stored.id, by.as_deref()).await?;
    info!(
        "the roll-out of pool {pool} to recipe {} is retried",
        stored.rollout.to
    );
    Ok(())
}

async fn stop(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    latest: Option<StoredRollout>,
) -> Result<(), RolloutError> {
    let active = |stored: &StoredRollout| {
        matches!(
            stored.rollout.state,
            RolloutState::Canary | RolloutState::Rolling
        )
    };
    let stored = latest.filter(active);
    let stored = stored.ok_or_else(|| RolloutError::NotActive(pool.clone()))?;
    let by = Principal::current().map(|by| by.name);
    let cause = format!("stopped by {}", by.as_deref().unwrap_or("an operator"));
    let rollout = &stored.rollout;
    let data = json!({
        "pool": pool, "from": rollout.from, "to": rollout.to, "canary": rollout.canary, "reason": cause,
    });
    webhooks::raise(conn, WebhookEvent::RolloutStopped, &data).await?;
    info!(
        "the roll-out of pool {pool} to recipe {} is {cause}",
        rollout.to
    );
    let update = Update {
        state: RolloutState::Stopped,
        cause: Some(cause),
        canary: rollout.canary.clone(),
        replaced: 0,
    };
    Ok(rollouts::update(conn, stored.id, &update, by.as_deref()).await?)
}
