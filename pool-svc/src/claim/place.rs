//! A claim's place among all that want an instance: first come, first served, over all replicas.

use std::time::Duration;

use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::context::Claim;
use super::error::ClaimError;
use crate::db::claim_waiters;
use crate::db::instances::{self, QueuePosition, TakenInstance, Taking};

/// How much longer than the claim's time limit its instance is protected: for the statement that
/// records the claim.
const LEASE_BEYOND_DEADLINE: Duration = Duration::from_mins(1);
/// How long a claim that waits leaves an instance alone that Services was busy with.
const LEAVE_BUSY: Duration = Duration::from_secs(2);

/// Where a claim stands.
pub(super) struct Place<'a> {
    claim: &'a Claim,
    /// How long it may wait.
    until: Instant,
    /// Its number in the queue, once it has waited.
    number: Option<i64>,
    served: bool,
}

impl<'a> Place<'a> {
    pub(super) fn new(claim: &'a Claim) -> Self {
        Self {
            claim,
            until: Instant::now() + claim.input.wait.duration(),
            number: None,
            served: false,
        }
    }

    /// Takes the next instance for this claim, none of `busy`, after waiting for it if it may.
    ///
    /// # Errors
    /// There was none, the client hung up, or the database failed. Nothing is taken then.
    pub(super) async fn next(&mut self, busy: &[InstanceId]) -> Result<TakenInstance, ClaimError> {
        let position = if self.served {
            QueuePosition::Served
        } else {
            QueuePosition::Newcomer
        };
        let taken = match self.take(position, busy).await? {
            Some(taken) => taken,
            None if Instant::now() < self.until => self.wait(busy).await?,
            None => return Err(ClaimError::NoIdle),
        };
        self.served = true;
        Ok(taken)
    }

    async fn take(
        &self,
        position: QueuePosition,
        except: &[InstanceId],
    ) -> Result<Option<TakenInstance>, DbError> {
        let app = &self.claim.shared.app;
        let lease = app.config.pool.claim_timeout_ms.duration() + LEASE_BEYOND_DEADLINE;
        let taking = Taking {
            position,
            except,
            lease,
        };
        instances::claim_oldest_idle(&mut *app.db.conn().await?, taking).await
    }

    async fn wait(&mut self, busy: &[InstanceId]) -> Result<TakenInstance, ClaimError> {
        let shared = &self.claim.shared;
        let mut conn = shared.app.db.conn().await?;
        let number = claim_waiters::join(&mut conn, self.number, shared.lease()).await?;
        drop(conn);
        self.number = Some(number);
        let waiting = shared.queue.enter(number);
        let outcome = self.stand_in_line(number, busy).await;
        drop(waiting);
        if outcome.is_err() {
            self.leave(number).await;
        }
        outcome
    }

    /// Waits in the queue until this claim is its head and an instance is idle.
    async fn stand_in_line(
        &self,
        number: i64,
        busy: &[InstanceId],
    ) -> Result<TakenInstance, ClaimError> {
        let Claim {
            shared,
            progress,
            hung_up,
            ..
        } = self.claim;
        let busy_until = Instant::now() + LEAVE_BUSY;
        let mut line = shared.queue.line();
        let mut reported = None;
        loop {
            tokio::select! {
                biased;
                () = hung_up.cancelled() => return Err(ClaimError::HungUp),
                () = shared.background.shutdown().wait() => return Err(ClaimError::ShuttingDown),
                () = sleep_until(self.until) => return Err(ClaimError::NoIdle),
                // The sender lives as long as `shared`.
                _ = line.changed() => {}
            }
            let ahead = line.borrow_and_update().binary_search(&number);
            // This look was made before this claim joined.
            let Ok(ahead) = ahead else { continue };
            if reported.replace(ahead) != Some(ahead) {
                progress.waiting(ahead);
            }
            if ahead > 0 {
                continue;
            }
            let except = if Instant::now() < busy_until {
                busy
            } else {
                &[]
            };
            match self.take(QueuePosition::Waiter(number), except).await {
                Ok(Some(taken)) => return Ok(taken),
                Ok(None) => {}
                Err(error) if error.is_transient() => {
                    let error = chain(&error);
                    warn!("a claim goes on waiting: {error}");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Leaves the queue. If that fails, the place ends with its lease, which is no longer renewed.
    async fn leave(&self, number: i64) {
        let leave = async || {
            let mut conn = self.claim.shared.app.db.conn().await?;
            claim_waiters::leave(&mut conn, number).await
        };
        if let Err(error) = leave().await {
            let error = chain(&error);
            warn!("a claim that stopped waiting keeps its place until its lease ends: {error}");
        }
    }
}
