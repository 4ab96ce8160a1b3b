//! The claims that are waiting on this replica.
//!
//! The queue is a table, so that all replicas share it. A replica reads it for all of its own waiters at once (see
//! [`serve`](super::serve)).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{gauge, histogram};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::db::claim_waiters::Waiter;

/// This replica's copy of the queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The numbers of the claims that wait here.
    here: Mutex<BTreeSet<i64>>,
    /// All waiting claims in order, sent after each read of the queue.
    line: watch::Sender<Arc<[Waiter]>>,
    joined: Notify,
}

impl Queue {
    /// Counts a claim as waiting here until the returned guard is dropped.
    pub(super) fn enter(&self, number: i64) -> Waiting<'_> {
        self.here().insert(number);
        gauge!("agent_pool_claims_waiting").increment(1);
        self.joined.notify_one();
        Waiting {
            queue: self,
            number,
            since: Instant::now(),
        }
    }

    pub(super) fn line(&self) -> watch::Receiver<Arc<[Waiter]>> {
        self.line.subscribe()
    }

    /// Returns once a claim has begun to wait here.
    pub(super) async fn joined(&self) {
        self.joined.notified().await;
    }

    /// The numbers of the claims that wait here.
    pub(super) fn numbers(&self) -> Vec<i64> {
        self.here().iter().copied().collect()
    }

    /// Sends the whole queue to the claims that wait here.
    pub(super) fn update(&self, line: Vec<Waiter>) {
        self.line.send_replace(line.into());
    }

    /// A panic while it was locked leaves it consistent.
    fn here(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One claim that waits here.
pub(super) struct Waiting<'a> {
    queue: &'a Queue,
    number: i64,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.here().remove(&self.number);
        gauge!("agent_pool_claims_waiting").decrement(1);
        let waited = self.since.elapsed().as_secs_f64();
        histogram!("agent_pool_claim_wait_seconds").record(waited);
    }
}
