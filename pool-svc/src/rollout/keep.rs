//! The loop that takes the steps.

use std::time::Duration;

use agent_pool_core::{RecipeHash, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncConnection;
use tokio::time::sleep;
use tracing::warn;

use super::recipe::recipe_request;
use super::step::step;
use crate::db::{rollouts, tick_state};
use crate::ops::operations::Operations;
use crate::pools::{Plan, load_plans};

/// Pause between two checks while nothing is rolled out.
const PAUSE: Duration = Duration::from_secs(10);
/// Pause between two checks during a roll-out.
const PAUSE_BETWEEN_STEPS: Duration = Duration::from_secs(1);
/// Maximum steps of a pool in one check.
const MOST_STEPS: usize = 4;

impl Operations {
    /// Rolls out recipes until shutdown.
    pub(crate) fn keep_rolling_out(self) {
        let tasks = self.background.tasks.clone();
        tasks.keep("roll_out", move |shutdown| {
            let operations = self.clone();
            async move {
                loop {
                    let pause = operations.advance_all().await.unwrap_or_else(|error| {
                        let error = chain(&error);
                        warn!("roll-outs are delayed: {error}");
                        PAUSE
                    });
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = operations.background.roll_out_requested() => {}
                        () = shutdown.wait() => return,
                    }
                }
            }
        });
    }

    /// Takes the steps that can be taken now. Returns the pause until the next check.
    async fn advance_all(&self) -> Result<Duration, DbError> {
        let mut conn = self.app.db.conn().await?;
        // While the fleet is in doubt, nothing is replaced.
        if tick_state::load_doubt(&mut conn).await?.is_some() {
            return Ok(PAUSE);
        }
        let concerned = rollouts::load_concerned_pools(&mut conn).await?;
        if concerned.is_empty() {
            return Ok(PAUSE);
        }
        let plans = load_plans(&mut conn, &self.app.config.pool).await?;
        drop(conn);
        let is_concerned = |plan: &&Plan| concerned.iter().any(|pool| pool == plan.name.as_str());
        let mut any_active = false;
        for plan in plans.iter().filter(is_concerned) {
            match self.app.services.recipe(&recipe_request(plan)).await {
                Ok(made) => any_active |= self.advance(plan, &made.hash).await?,
                Err(error) => {
                    let (pool, error) = (&plan.name, chain(&error));
                    warn!(
                        "pool {pool} is not rolled out: Services did not report its recipe: {error}"
                    );
                }
            }
        }
        Ok(if any_active {
            PAUSE_BETWEEN_STEPS
        } else {
            PAUSE
        })
    }

    /// Whether a roll-out of the pool is in progress.
    async fn advance(&self, plan: &Plan, recipe: &RecipeHash) -> Result<bool, DbError> {
        let pool = &self.app.config.pool;
        let lease = pool.pool_work_lease_ms.duration();
        let mut active = false;
        for _ in 0..MOST_STEPS {
            let mut conn = self.app.db.conn().await?;
            let stepped = conn
                .transaction(async |conn| {
                    step(conn, plan, recipe, pool.pool_max_total, lease).await
                })
                .await?;
            drop(conn);
            self.creations.spawn(stepped.inserted);
            if !stepped.condemned.is_empty() {
                self.destructions.start_pending().await;
            }
            active = stepped.active;
            if !stepped.again {
                break;
            }
        }
        Ok(active)
    }
}
