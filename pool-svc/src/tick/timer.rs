//! The timer of ticks.

use agent_pool_core::chain;
use agent_pool_service_kit::shutdown::Shutdown;
use metrics::histogram;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{Instrument, error, info_span};

use super::ticker::Ticker;
use crate::background::Background;

/// Ticks every `TICK_INTERVAL_MS`, and at once on request, until shutdown.
pub(crate) fn keep_ticking(ticker: &Ticker, background: &Background) {
    let (ticker, woken) = (ticker.clone(), background.clone());
    background.tasks.keep("tick", move |shutdown| {
        tick_until(shutdown, ticker.clone(), woken.clone())
    });
}

async fn tick_until(shutdown: Shutdown, ticker: Ticker, background: Background) {
    let mut timer = interval(ticker.app.config.pool.tick_interval_ms.duration());
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            due = timer.tick() => {
                histogram!("agent_pool_tick_lag_seconds").record(due.elapsed().as_secs_f64());
            }
            () = background.tick_requested() => {}
            () = shutdown.wait() => return,
        }
        if let Err(error) = ticker.run().instrument(info_span!("tick")).await {
            error!(error.chain = chain(&error), "a tick failed: {error}");
        }
    }
}
