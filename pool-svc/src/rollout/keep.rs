//! The loop that takes the steps.

use std::time::Duration;

use agent_pool_core::{RecipeHash, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncConnection;
use tokio::time::sleep;
use tracing::warn;

use super::recipe::recipe_request;
use super::step::step;
use crate::app::App;
use crate::background::Background;
use crate::db::{rollouts, tick_state};
use crate::ops::destruction::Destructions;
use crate::ops::warm_up::Creations;
use crate::pools::{Plan, load_plans};

/// Between two looks while nothing is rolled out.
const PAUSE: Duration = Duration::from_secs(10);
/// Between two looks during a roll-out.
const PAUSE_BETWEEN_STEPS: Duration = Duration::from_secs(1);
/// Most steps of a pool in one look.
const MOST_STEPS: usize = 4;

/// Rolls out recipes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Rollouts {
    app: App,
    background: Background,
    creations: Creations,
    destructions: Destructions,
}

impl Rollouts {
    pub(crate) fn new(
        app: App,
        background: Background,
        creations: Creations,
        destructions: Destructions,
    ) -> Self {
        Self {
            app,
            background,
            creations,
            destructions,
        }
    }

    /// Looks at the pools until shutdown.
    pub(crate) fn keep_rolling_out(&self) {
        let rollouts = self.clone();
        self.background.tasks.keep("roll_out", move |shutdown| {
            let rollouts = rollouts.clone();
            async move {
                loop {
                    let pause = rollouts.advance_all().await.unwrap_or_else(|error| {
                        let error = chain(&error);
                        warn!("roll-outs wait: {error}");
                        PAUSE
                    });
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = rollouts.background.roll_out_requested() => {}
                        () = shutdown.wait() => return,
                    }
                }
            }
        });
    }

    /// Takes the steps that can be taken now. Returns when to look again.
    async fn advance_all(&self) -> Result<Duration, DbError> {
        let mut conn = self.app.db.conn().await?;
        // A fleet that is not seen well is no base for replacing it.
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
                        "pool {pool} is not rolled out: Services does not say what its recipe is: {error}"
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

    /// Whether a roll-out of the pool is under way.
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
