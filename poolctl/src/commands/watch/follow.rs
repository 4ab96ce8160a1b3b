//! Polls the fleet in the background.

use std::time::Duration;

use agent_pool_client::{CallError, Pool};
use agent_pool_core::wire::pool::PoolStatus;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{MissedTickBehavior, interval};

/// Polls until the receiver is dropped.
pub(super) fn follow(pool: &Pool, every: Duration) -> Receiver<Result<PoolStatus, CallError>> {
    let (looks, receiver) = channel(1);
    let pool = pool.clone();
    tokio::spawn(async move {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if looks.send(pool.status().await).await.is_err() {
                return;
            }
        }
    });
    receiver
}
