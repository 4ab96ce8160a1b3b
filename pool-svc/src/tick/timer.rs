//! When to tick.

use agent_pool_core::chain;
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{Instrument, error, info_span};

use crate::app::App;

impl App {
    /// Ticks every `TICK_INTERVAL_MS`, and at once when nudged, until shutdown.
    pub async fn keep_ticking(self, shutdown: Shutdown) {
        let mut timer = interval(self.config.pool.tick_interval_ms.duration());
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = timer.tick() => {}
                () = self.nudge.notified() => {}
                () = shutdown.wait() => return,
            }
            if let Err(error) = super::run(&self).instrument(info_span!("tick")).await {
                error!(error.chain = chain(&error), "a tick failed: {error}");
            }
        }
    }
}
