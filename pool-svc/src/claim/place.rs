//! A claim's place in the queue for an instance: first come, first served, across all replicas.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::{InstanceId, PoolName, chain};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::db::DbError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::context::{Claim, Claims, Newcomer};
use super::error::ClaimError;
use crate::app::App;
use crate::db::claim_waiters::{self, Waiter};
use crate::db::claims::{QueuePosition, TakenInstance, Taking, take_oldest_idle};

/// How long a waiting claim skips an instance that Services was busy with.
const LEAVE_BUSY: Duration = Duration::from_secs(2);

/// The place of a claim.
pub(super) struct Place<'a> {
    claim: &'a Claim,
    pool: PoolName,
    /// How long it may wait.
    until: Instant,
    /// Its number in the queue, once it has joined the queue.
    number: Option<i64>,
    served: bool,
}

impl<'a> Place<'a> {
    pub(super) fn new(claim: &'a Claim) -> Self {
        Self {
            claim,
            pool: claim.pool(),
            until: Instant::now() + claim.input.wait.duration(),
            number: None,
            served: false,
        }
    }

    /// Takes the next instance for this claim, except those in `busy`. Waits for one if the claim may wait.
    ///
    /// # Errors
    /// There was no instance, the client hung up, or the database failed. No instance is taken then.
    pub(super) async fn next(&mut self, busy: &[InstanceId]) -> Result<TakenInstance, ClaimError> {
        let position = if self.served {
            QueuePosition::Served
        } else {
            QueuePosition::Newcomer
        };
        let taken = match self.take(position, busy).await? {
            Some(taken) => taken,
            None if Instant::now() < self.until => self.wait(busy).await?,
            None => return Err(ClaimError::NoIdle(self.pool.clone())),
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
        let by = Principal::current();
        let taking = Taking {
            pool: self.pool.as_str(),
            position,
            except,
            lease: app.config.pool.pool_work_lease_ms.duration(),
            claims: std::slice::from_ref(&by),
        };
        if position == QueuePosition::Newcomer {
            return self.take_with_others(taking, by.clone()).await;
        }
        let mut taken = take_oldest_idle(&mut *app.db.conn().await?, taking).await?;
        Ok(taken.pop())
    }

    /// Takes an instance in one statement together with the other claims that have just arrived.
    async fn take_with_others(
        &self,
        taking: Taking<'_>,
        by: Option<Principal>,
    ) -> Result<Option<TakenInstance>, DbError> {
        let Claims {
            app,
            taking: batcher,
            ..
        } = &self.claim.shared;
        let newcomer = Newcomer {
            pool: self.pool.clone(),
            by,
        };
        let take = |newcomers| take_for_all(app, newcomers, taking);
        batcher.submit(&newcomer, take).await
    }

    async fn wait(&mut self, busy: &[InstanceId]) -> Result<TakenInstance, ClaimError> {
        let shared = &self.claim.shared;
        let mut conn = shared.app.db.conn().await?;
        let number =
            claim_waiters::join(&mut conn, self.number, self.pool.as_str(), shared.lease()).await?;
        drop(conn);
        self.number = Some(number);
        // Subscribe before entering, which has the queue read: a read that ends first would be missed otherwise.
        let line = shared.queue.line();
        let waiting = shared.queue.enter(number);
        let outcome = self.join_queue(number, line, busy).await;
        drop(waiting);
        if outcome.is_err() {
            self.leave(number).await;
        }
        outcome
    }

    /// Waits until this claim is at the head of the queue and an instance is idle.
    async fn join_queue(
        &self,
        number: i64,
        mut line: watch::Receiver<Arc<[Waiter]>>,
        busy: &[InstanceId],
    ) -> Result<TakenInstance, ClaimError> {
        let Claim {
            shared,
            progress,
            hung_up,
            ..
        } = self.claim;
        let busy_until = Instant::now() + LEAVE_BUSY;
        let mut reported = None;
        loop {
            tokio::select! {
                biased;
                () = hung_up.cancelled() => return Err(ClaimError::HungUp),
                () = shared.background.shutdown().wait() => return Err(ClaimError::ShuttingDown),
                () = sleep_until(self.until) => return Err(ClaimError::NoIdle(self.pool.clone())),
                // `changed` cannot fail: the sender lives as long as `shared`.
                _ = line.changed() => {}
            }
            // `None`: the queue was read before this claim joined it.
            let Some(position) = position(&line.borrow_and_update(), number) else {
                continue;
            };
            let Position::Behind(ahead) = position else {
                return Err(ClaimError::UnknownPool(self.pool.clone()));
            };
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
                    warn!("a claim could not take an instance and keeps waiting: {error}");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Leaves the queue. If that fails, the place expires with its lease, which is no longer renewed.
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

/// Takes an instance for each of `newcomers`, with one statement per pool. `like` has the other parameters.
async fn take_for_all(
    app: &App,
    newcomers: Vec<Newcomer>,
    like: Taking<'_>,
) -> Result<Vec<Option<TakenInstance>>, DbError> {
    let mut conn = app.db.conn().await?;
    let mut outcome: Vec<Option<TakenInstance>> = newcomers.iter().map(|_| None).collect();
    let pools: BTreeSet<&PoolName> = newcomers.iter().map(|one| &one.pool).collect();
    for pool in pools {
        let numbered = newcomers.iter().enumerate();
        let (numbers, claims): (Vec<usize>, Vec<Option<Principal>>) = numbered
            .filter(|(_, one)| one.pool == *pool)
            .map(|(number, one)| (number, one.by.clone()))
            .unzip();
        let taking = Taking {
            pool: pool.as_str(),
            claims: &claims,
            ..like
        };
        match take_oldest_idle(&mut conn, taking).await {
            Ok(taken) => {
                for (number, taken) in numbers.into_iter().zip(taken) {
                    outcome[number] = Some(taken);
                }
            }
            // Earlier pools have taken instances, which must reach their claims. Only the claims of this pool find
            // nothing.
            Err(error) if outcome.iter().any(Option::is_some) => {
                let error = chain(&error);
                warn!("claims on pool {pool} took no instance: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(outcome)
}

/// Where a claim is in the queue.
enum Position {
    /// Behind this many claims on the same pool.
    Behind(usize),
    /// Its pool was deleted.
    Nowhere,
}

/// The position of a claim; `None` if it is not in the queue.
fn position(line: &[Waiter], number: i64) -> Option<Position> {
    let own = line.iter().find(|waiter| waiter.id == number)?;
    if own.pool_deleted {
        return Some(Position::Nowhere);
    }
    let same_pool = line.iter().filter(|waiter| waiter.pool == own.pool);
    Some(Position::Behind(
        same_pool.take_while(|waiter| waiter.id < number).count(),
    ))
}
