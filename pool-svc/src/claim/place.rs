//! A claim's place among those who want an instance: first come, first served, over all replicas.

use std::time::Duration;

use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::attempt::LEASE_BEYOND_DEADLINE;
use super::{Claim, ClaimError};
use crate::db::claim_waiters;
use crate::db::instances::{self, Taken, Taking, Turn};

/// How long an instance that Services was busy with is left alone by a claim that waits.
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
            until: Instant::now() + claim.order.wait.duration(),
            number: None,
            served: false,
        }
    }

    /// The next instance for this claim, none of `busy`, after waiting for it where it may.
    ///
    /// # Errors
    /// There was none, nobody wants it any more, or the database failed. Nothing is taken then.
    pub(super) async fn next(&mut self, busy: &[InstanceId]) -> Result<Taken, ClaimError> {
        let turn = if self.served {
            Turn::Served
        } else {
            Turn::Newcomer
        };
        let taken = match self.take(turn, busy).await? {
            Some(taken) => taken,
            None if Instant::now() < self.until => self.wait(busy).await?,
            None => return Err(ClaimError::NoIdle),
        };
        self.served = true;
        Ok(taken)
    }

    async fn take(&self, turn: Turn, except: &[InstanceId]) -> Result<Option<Taken>, DbError> {
        let app = &self.claim.app;
        let lease = app.config.pool.claim_timeout_ms.duration() + LEASE_BEYOND_DEADLINE;
        let taking = Taking {
            turn,
            except,
            lease,
        };
        instances::claim_oldest_idle(&mut *app.db.conn().await?, taking).await
    }

    async fn wait(&mut self, busy: &[InstanceId]) -> Result<Taken, ClaimError> {
        let app = &self.claim.app;
        let lease = app.config.pool.claim_lease_ms.duration();
        let number = claim_waiters::join(&mut *app.db.conn().await?, self.number, lease).await?;
        self.number = Some(number);
        let here = app.queue.enter(number);
        let outcome = self.stand(number, busy).await;
        drop(here);
        if outcome.is_err() {
            self.leave(number).await;
        }
        outcome
    }

    /// Waits in the queue until this claim is its head and an instance is idle.
    async fn stand(&self, number: i64, busy: &[InstanceId]) -> Result<Taken, ClaimError> {
        let Claim {
            app,
            progress,
            hung_up,
            ..
        } = self.claim;
        let busy_until = Instant::now() + LEAVE_BUSY;
        let mut line = app.queue.line();
        let mut told = None;
        loop {
            tokio::select! {
                biased;
                () = hung_up.cancelled() => return Err(ClaimError::HungUp),
                () = app.queue.closes() => return Err(ClaimError::ShuttingDown),
                () = sleep_until(self.until) => return Err(ClaimError::NoIdle),
                // It lives as long as the app.
                _ = line.changed() => {}
            }
            let ahead = line.borrow_and_update().binary_search(&number);
            // The look was from before this claim joined.
            let Ok(ahead) = ahead else { continue };
            if told.replace(ahead) != Some(ahead) {
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
            match self.take(Turn::Waiter(number), except).await {
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

    /// Where it cannot, its lease ends its place: nobody renews it any more.
    async fn leave(&self, number: i64) {
        let leave = async || {
            let mut conn = self.claim.app.db.conn().await?;
            claim_waiters::leave(&mut conn, number).await
        };
        if let Err(error) = leave().await {
            let error = chain(&error);
            warn!("a claim that waits no more keeps its place for a moment: {error}");
        }
    }
}
