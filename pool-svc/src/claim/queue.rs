//! The claims that wait on this replica, and the look at the queue that they share.
//!
//! The queue is a table, so that it is one over all replicas. A replica reads it for all of its own
//! waiters at once, when notified and from time to time; reading it also renews their leases.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::supervisor::Supervisor;
use metrics::gauge;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tracing::warn;

use super::context::Claims;
use super::listener::QUEUE;
use crate::db::claim_waiters;
use crate::ops::warm_up::Creations;

/// The queue, as this replica knows it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// The numbers of the claims that wait here.
    here: Mutex<BTreeSet<i64>>,
    /// All numbers in order, sent with each look.
    line: watch::Sender<Arc<[i64]>>,
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
        }
    }

    pub(super) fn line(&self) -> watch::Receiver<Arc<[i64]>> {
        self.line.subscribe()
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
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queue.here().remove(&self.number);
        gauge!("agent_pool_claims_waiting").decrement(1);
    }
}

/// Serves the claims that wait for an instance, until shutdown.
pub(crate) fn keep_queue(claims: &Claims, creations: &Creations, tasks: &Supervisor) {
    let listening = claims.clone();
    tasks.keep("listen", move |shutdown| {
        let Claims { listener, app, .. } = listening.clone();
        async move {
            tokio::select! {
                () = listener.keep_listening(&app.db) => {}
                () = shutdown.wait() => {}
            }
        }
    });
    let (claims, creations) = (claims.clone(), creations.clone());
    tasks.keep("claim_queue", move |shutdown| {
        let (claims, creations) = (claims.clone(), creations.clone());
        async move {
            tokio::select! {
                () = keep_looking(&claims, &creations) => {}
                () = shutdown.wait() => {}
            }
        }
    });
}

async fn keep_looking(claims: &Claims, creations: &Creations) {
    let mut subscription = claims.listener.subscribe();
    loop {
        let may_lack_instances = tokio::select! {
            () = claims.queue.joined.notified() => true,
            () = sleep(claims.heartbeat()) => true,
            () = subscription.notified(QUEUE) => false,
        };
        if let Err(error) = look(claims, creations, may_lack_instances).await {
            warn!(
                error.chain = chain(&error),
                "the queue of claims cannot be read: {error}"
            );
        }
    }
}

/// Reads the queue, and has an instance made for each claim that lacks one.
async fn look(
    claims: &Claims,
    creations: &Creations,
    may_lack_instances: bool,
) -> Result<(), DbError> {
    let mine: Vec<i64> = claims.queue.here().iter().copied().collect();
    if mine.is_empty() {
        return Ok(());
    }
    let mut conn = claims.app.db.conn().await?;
    let line = claim_waiters::look(&mut conn, &mine, claims.lease()).await?;
    drop(conn);
    claims.queue.line.send_replace(line.into());
    if may_lack_instances {
        creations.replenish().await?;
    }
    Ok(())
}
