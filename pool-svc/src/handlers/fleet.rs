//! Operations on the whole fleet.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{Affected, DrainRequest, ReplenishRequest, TickReport};
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::supervisor::Job;

use super::pools;
use crate::ops::drain;
use crate::pool::Pool;
use crate::problem::{from_database, unknown_pool};

/// `POST /api/pool/replenish`: does not wait for the pauses after failures, because an operator requested it.
pub(crate) async fn replenish(request: ReplenishRequest, pool: Pool) -> Result<Affected, Problem> {
    let name = request.pool.unwrap_or_default();
    let (creations, wanted) = (pool.creations, name.clone());
    let started = async move { creations.start(&wanted, request.count).await };
    let started = pool.background.tasks.spawn("replenish", started);
    let started = outcome(started).await?.map_err(from_database)?;
    started.map(affected).ok_or_else(|| unknown_pool(&name))
}

/// `POST /api/pool/drain`
pub(crate) async fn drain(request: DrainRequest, pool: Pool) -> Result<Affected, Problem> {
    if let Some(name) = &request.pool {
        pools::require(name, &pool.app).await?;
    }
    let Pool {
        app, destructions, ..
    } = pool;
    let drained = async move {
        drain::drain(&app, &destructions, request.pool.as_ref(), request.count).await
    };
    let drained = pool.background.tasks.spawn("drain", drained);
    outcome(drained).await?.map(affected).map_err(from_database)
}

/// `POST /api/pool/reconcile`
pub(crate) async fn reconcile(pool: Pool) -> Result<TickReport, Problem> {
    let ticker = pool.ticker;
    let ticked = async move { ticker.run().await };
    let ticked = pool.background.tasks.spawn("reconcile", ticked);
    Ok(outcome(ticked).await??)
}

/// Completes the work even if the client hangs up. Otherwise rows that were written without a task working on them
/// would have to wait until their lease expires.
async fn outcome<T>(job: Job<T>) -> Result<T, Problem> {
    job.await.map_err(Problem::from)
}

/// The response with these instances.
pub(super) fn affected(instance_ids: Vec<InstanceId>) -> Affected {
    Affected {
        count: u32::try_from(instance_ids.len()).unwrap_or(u32::MAX),
        instance_ids,
    }
}
