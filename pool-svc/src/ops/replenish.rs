//! The loop that replaces what was claimed or destroyed.

use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::shutdown::Shutdown;
use tokio::time::sleep;
use tracing::error;

use super::warm_up::Creations;
use crate::background::Background;

/// Pause between two counts. A burst of claims asks for one with each of them.
const PAUSE: Duration = Duration::from_millis(100);

/// Starts creations at once when that is requested, until shutdown.
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
        if let Err(error) = creations.replenish().await {
            error!(error.chain = chain(&error), "replenishing failed: {error}");
        }
        sleep(PAUSE).await;
    }
}
