//! What an operator asks of the whole fleet.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{Affected, DrainRequest, ReplenishRequest, TickReport};
use agent_pool_core::wire::problem::Problem;

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
    let begun = warm_up::begin(&app, wanted).await;
    begun.map(affected).map_err(from_database)
}

/// `POST /api/pool/drain`
pub(crate) async fn drain(request: DrainRequest, app: App) -> Result<Affected, Problem> {
    let drained = drain::drain(&app, request.count).await;
    drained.map(affected).map_err(from_database)
}

/// `POST /api/pool/reconcile`
pub(crate) async fn reconcile(app: App) -> Result<TickReport, Problem> {
    tick::run(&app).await.map_err(from_database)
}

fn affected(instance_ids: Vec<InstanceId>) -> Affected {
    Affected {
        count: u32::try_from(instance_ids.len()).unwrap_or(u32::MAX),
        instance_ids,
    }
}
