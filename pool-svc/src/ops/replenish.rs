//! The loop that replaces claimed and destroyed instances.

use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::time::{Instant, sleep};
use tracing::error;

use super::warm_up::Creations;
use crate::background::Background;

/// Shortest pause between two counts. In a burst, each claim requests one.
const PAUSE: Duration = Duration::from_millis(100);
/// The pause after a count is at least this many times its duration, because a count reads the rows of all instances.
const PAUSE_PER_COUNT: u32 = 20;
/// Longest such pause, however slow the database is.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Starts missing creations when requested, until shutdown.
pub(crate) fn keep_replenishing(creations: &Creations, background: &Background) {
    let (creations, woken) = (creations.clone(), background.clone());
    background.tasks.keep("replenish", move |shutdown| {
        replenish_until(shutdown, creations.clone(), woken.clone())
    });
}

async fn replenish_until(shutdown: Shutdown, creations: Creations, background: Background) {
    loop {
        tokio::select! {
            () = background.replenish_requested() => {}
            () = shutdown.wait() => return,
        }
        let started = Instant::now();
        if let Err(error) = creations.replenish().await {
            error!(error.chain = chain(&error), "replenishing failed: {error}");
        }
        let pause = LONGEST_PAUSE.min(started.elapsed() * PAUSE_PER_COUNT);
        sleep(PAUSE.max(pause)).await;
    }
}
