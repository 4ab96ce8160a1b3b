//! What an operator asks of the whole fleet.

use std::future::Future;
use std::panic::resume_unwind;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{Affected, DrainRequest, ReplenishRequest, TickReport};
use agent_pool_core::wire::problem::Problem;
use tracing::Instrument;

use crate::app::App;
use crate::db::instances::Wanted;
use crate::problem::from_database;
use crate::{drain, tick, warm_up};

/// `POST /api/pool/replenish`: an operator who asks does not wait for a pause after failures.
pub(crate) async fn replenish(request: ReplenishRequest, app: App) -> Result<Affected, Problem> {
    let wanted = request.count.map_or(
        Wanted::Deficit {
            warm: app.config.pool.pool_min_idle,
            at_once: u32::MAX,
        },
        Wanted::More,
    );
    let begun = to_its_end(async move { warm_up::begin(&app, wanted).await });
    begun.await.map(affected).map_err(from_database)
}

/// `POST /api/pool/drain`
pub(crate) async fn drain(request: DrainRequest, app: App) -> Result<Affected, Problem> {
    let drained = to_its_end(async move { drain::drain(&app, request.count).await });
    drained.await.map(affected).map_err(from_database)
}

/// `POST /api/pool/reconcile`
pub(crate) async fn reconcile(app: App) -> Result<TickReport, Problem> {
    let ticked = to_its_end(async move { tick::run(&app).await });
    Ok(ticked.await?)
}

/// Runs `work` to its end even if the client hangs up: rows that were written, and that nobody works
/// on, would wait for the end of their lease.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let task = tokio::spawn(work.in_current_span());
    let panicked = |error: tokio::task::JoinError| resume_unwind(error.into_panic());
    task.await.unwrap_or_else(panicked)
}

fn affected(instance_ids: Vec<InstanceId>) -> Affected {
    Affected {
        count: u32::try_from(instance_ids.len()).unwrap_or(u32::MAX),
        instance_ids,
    }
}
