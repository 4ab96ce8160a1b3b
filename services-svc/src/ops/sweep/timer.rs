//! The sweep that nobody asks for.

use agent_pool_core::chain;
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{error, warn};

use super::{Orphans, sweep};
use crate::app::App;

/// Sweeps every `SWEEP_INTERVAL_MS` until shutdown, never twice at once. Replicas do not agree on
/// who does: a sweep is idempotent.
pub async fn sweep_periodically(app: App, shutdown: Shutdown) {
    let settings = app.config().sweep;
    let period = settings.interval_ms.duration();
    if period.is_zero() {
        return;
    }
    let orphans = if settings.destroy {
        Orphans::Destroy
    } else {
        Orphans::Report
    };
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.wait() => return,
        }
        match sweep(app.clone(), orphans).await {
            Ok(report) => {
                let left = report
                    .orphans
                    .iter()
                    .filter(|orphan| !orphan.destroyed)
                    .count();
                if left > 0 {
                    warn!("{left} orphans: see POST /sweep, or set SWEEP_DESTROY");
                }
            }
            Err(error) => error!(error.chain = chain(&error), "the sweep failed"),
        }
    }
}
