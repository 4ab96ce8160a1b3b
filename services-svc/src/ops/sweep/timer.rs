//! The sweep that nobody asks for.

use agent_pool_core::chain;
use agent_pool_core::wire::services::{SweepReport, SweepRequest};
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{error, warn};

use super::exclusive::sweep_in_turn;
use crate::app::App;

/// Sweeps every `SWEEP_INTERVAL_MS` until shutdown, one replica at a time. A sweep that is under way
/// then, the drain awaits.
pub(crate) async fn sweep_periodically(app: App, shutdown: Shutdown) {
    let settings = app.config().sweep;
    let period = settings.interval_ms.duration();
    if period.is_zero() {
        return;
    }
    let wanted = SweepRequest {
        destroy: settings.destroy,
        repair: settings.repair,
        ..SweepRequest::default()
    };
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.wait() => return,
        }
        let sweep = sweep_in_turn(app.clone(), wanted.clone(), period);
        let swept = tokio::select! {
            swept = app.run_to_completion(sweep) => swept,
            () = shutdown.wait() => return,
        };
        match swept {
            Ok(report) => tell(report.as_ref()),
            Err(error) => error!(error.chain = chain(&error), "the sweep failed"),
        }
    }
}

fn tell(report: Option<&SweepReport>) {
    let Some(report) = report else {
        return;
    };
    let orphans = report.orphans.iter().filter(|one| !one.destroyed).count();
    if orphans > 0 {
        warn!("{orphans} orphans: see GET /sweep; POST /sweep or SWEEP_DESTROY destroys them");
    }
    let missing = report.missing.iter().filter(|one| !one.repaired).count();
    if missing > 0 {
        warn!("{missing} are missing at their vendors: see GET /sweep");
    }
}
