//! The periodic sweep.

use agent_pool_core::chain;
use agent_pool_core::wire::services::{SweepReport, SweepRequest};
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{error, warn};

use super::exclusive::sweep_if_due;
use crate::app::App;

/// Sweeps every `SWEEP_INTERVAL_MS` until shutdown, one replica at a time. Shutdown waits for a running sweep.
pub(crate) async fn sweep_periodically(app: App, shutdown: Shutdown) {
    let settings = app.config().sweep;
    let period = settings.interval_ms.duration();
    if period.is_zero() {
        // Switched off. Wait for shutdown, because a task that returns early counts as failed.
        shutdown.wait().await;
        return;
    }
    let request = SweepRequest {
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
        match sweep_if_due(&app, request.clone(), period).await {
            Ok(report) => log_findings(report.as_ref()),
            Err(error) => error!(error.chain = chain(&error), "the sweep failed"),
        }
    }
}

fn log_findings(report: Option<&SweepReport>) {
    let Some(report) = report else {
        return;
    };
    let foreign = report.orphans.iter().filter(|one| one.foreign).count();
    if foreign > 0 {
        warn!(
            "{foreign} things under our mark were made by another deployment: set POOL_ENVIRONMENT to a name of its \
             own in one of the two"
        );
    }
    let left = report.orphans.iter().filter(|one| !one.destroyed);
    let orphans = left.filter(|one| !one.foreign).count();
    if orphans > 0 {
        warn!("{orphans} orphans: see GET /sweep; POST /sweep or SWEEP_DESTROY destroys them");
    }
    let missing = report.missing.iter().filter(|one| !one.repaired).count();
    if missing > 0 {
        warn!("{missing} services or resources are missing at their vendors: see GET /sweep");
    }
}
