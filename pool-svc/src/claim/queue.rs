//! Those who wait on this replica, and the look at the queue that they share.
//!
//! The queue is a table, so that it is one over all replicas. Each replica looks at it for all of its
//! own waiters at once, when there is news and from time to time; the look also says that they live.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::shutdown::Shutdown;
use metrics::gauge;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::bell;
use crate::app::App;
use crate::db::claim_waiters;
use crate::warm_up;

/// The queue, as this replica knows it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The numbers of those who wait here.
    here: Mutex<BTreeSet<i64>>,
    /// Everybody's numbers, in order. Sent anew with each look.
    line: watch::Sender<Arc<[i64]>>,
    joined: Notify,
    /// The process is to end: nobody waits here any more.
    closed: CancellationToken,
}

impl Queue {
    /// Somebody waits here, as long as the answer is kept.
    pub(super) fn enter(&self, number: i64) -> Here<'_> {
        self.here().insert(number);
        gauge!("agent_pool_claims_waiting").increment(1);
        self.joined.notify_one();
        Here {
            queue: self,
            number,
        }
    }

    pub(super) fn line(&self) -> watch::Receiver<Arc<[i64]>> {
        self.line.subscribe()
    }

    /// Returns when nobody may wait here any more.
    pub(crate) async fn closes(&self) {
        self.closed.cancelled().await;
    }

    /// What a panic left is still true.
    fn here(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits here.
pub(super) struct Here<'a> {
    queue: &'a Queue,
    number: i64,
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.queue.here().remove(&self.number);
        gauge!("agent_pool_claims_waiting").decrement(1);
    }
}

impl App {
    /// Serves the claims that wait for an instance, until shutdown; then they are answered at once.
    pub async fn keep_queue(self, shutdown: Shutdown) {
        tokio::select! {
            never = bell::pass_on(&self) => match never {},
            never = keep_looking(&self) => match never {},
            () = shutdown.wait() => self.queue.closed.cancel(),
        }
    }

    /// How often a replica says that its claims are alive, and looks without news: three times within
    /// their lease, so that one look may fail.
    pub(super) fn beat(&self) -> Duration {
        self.config.pool.claim_lease_ms.duration() / 3
    }
}

async fn keep_looking(app: &App) -> Infallible {
    let mut ear = app.bell.listen();
    loop {
        let more_wait = tokio::select! {
            () = app.queue.joined.notified() => true,
            () = sleep(app.beat()) => true,
            () = ear.hears(bell::QUEUE) => false,
        };
        if let Err(error) = look(app, more_wait).await {
            warn!(
                error.chain = chain(&error),
                "the queue of claims is not seen: {error}"
            );
        }
    }
}

/// Looks, and has an instance made for each who waits, where it may lack one.
async fn look(app: &App, more_wait: bool) -> Result<(), DbError> {
    let mine: Vec<i64> = app.queue.here().iter().copied().collect();
    if mine.is_empty() {
        return Ok(());
    }
    let lease = app.config.pool.claim_lease_ms.duration();
    let line = claim_waiters::look(&mut *app.db.conn().await?, &mine, lease).await?;
    app.queue.line.send_replace(line.into());
    if more_wait {
        warm_up::replenish(app).await?;
    }
    Ok(())
}
