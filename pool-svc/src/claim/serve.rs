//! Serves waiting claims: a replica reads the queue for all of its own waiters at once, when notified and periodically.
//! Reading it also renews their leases.

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use tokio::time::sleep;
use tracing::warn;

use super::context::Claims;
use super::listener::QUEUE;
use crate::db::claim_waiters;
use crate::ops::warm_up::Creations;

/// Serves the claims that wait for an instance, until shutdown.
pub(crate) fn keep_queue(claims: &Claims, creations: &Creations) {
    let tasks = claims.background.tasks.clone();
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
                () = keep_reading_queue(&claims, &creations) => {}
                () = shutdown.wait() => {}
            }
        }
    });
}

async fn keep_reading_queue(claims: &Claims, creations: &Creations) {
    let mut subscription = claims.listener.subscribe();
    loop {
        let may_lack_instances = tokio::select! {
            () = claims.queue.joined() => true,
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

/// Reads the queue, and starts a creation for each claim without an instance.
async fn look(
    claims: &Claims,
    creations: &Creations,
    may_lack_instances: bool,
) -> Result<(), DbError> {
    let mine = claims.queue.numbers();
    if mine.is_empty() {
        return Ok(());
    }
    let mut conn = claims.app.db.conn().await?;
    let line = claim_waiters::look(&mut conn, &mine, claims.lease()).await?;
    drop(conn);
    claims.queue.update(line);
    if may_lack_instances {
        creations.replenish().await?;
    }
    Ok(())
}
