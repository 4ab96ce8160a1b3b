//! One step of a roll-out, in one transaction.

use std::time::Duration;

use agent_pool_core::wire::pool::{RolloutState, WebhookEvent};
use agent_pool_core::{InstanceId, RecipeHash};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;
use serde_json::json;
use tracing::{info, warn};

use super::decide::{Next, Situation, decide};
use crate::db::instances::{self, NewInstance};
use crate::db::rollouts::{self, Facts, NewRollout, StoredRollout, Update};
use crate::db::{creation_failures, explain, leases, webhooks};
use crate::pools::Plan;

/// Maximum instances that are replaced at a time.
const MOST_AT_ONCE: u32 = 10;

/// The result of a step, and whether the next one can be taken at once.
#[derive(Debug, Default)]
pub(super) struct Stepped {
    /// To be created.
    pub(super) inserted: Vec<NewInstance>,
    /// To be destroyed.
    pub(super) condemned: Vec<InstanceId>,
    pub(super) again: bool,
    /// Whether a roll-out is in progress after it.
    pub(super) active: bool,
}

/// Takes the next step of the roll-out of a pool to `recipe`. Call it in a transaction.
pub(super) async fn step(
    conn: &mut AsyncPgConnection,
    plan: &Plan,
    recipe: &RecipeHash,
    max_total: u32,
    lease: Duration,
) -> Result<Stepped, DbError> {
    // Behind the lock the counts below stay true until the commit: replenishing and other replicas' steps wait.
    leases::lock_count(conn).await?;
    let pool = &plan.name;
    let latest = rollouts::find_latest(conn, pool).await?;
    let rollout = latest.as_ref().map(|stored| &stored.rollout);
    let since = rollout.map(|rollout| rollout.begun_at);
    let facts = rollouts::count_facts(conn, pool, recipe, since).await?;
    let canary =
        match rollout.and_then(|rollout| Some((rollout.canary.as_ref()?, rollout.begun_at))) {
            Some((id, begun_at)) => Some(rollouts::find_canary(conn, pool, id, begun_at).await?),
            None => None,
        };
    let next = decide(&Situation {
        recipe,
        paused: !plan.refills(),
        facts: &facts,
        latest: rollout,
        canary: canary.as_ref(),
        record: rollouts::find_record(conn, pool, recipe).await?,
    });
    let mut step = Step {
        conn,
        plan,
        recipe,
        facts: &facts,
        max_total,
        lease,
    };
    step.take(latest, next).await
}

struct Step<'a> {
    conn: &'a mut AsyncPgConnection,
    plan: &'a Plan,
    recipe: &'a RecipeHash,
    facts: &'a Facts,
    max_total: u32,
    lease: Duration,
}

impl Step<'_> {
    async fn take(
        &mut self,
        latest: Option<StoredRollout>,
        next: Next,
    ) -> Result<Stepped, DbError> {
        let pool = &self.plan.name;
        match (latest, next) {
            (_, Next::Nothing) => Ok(Stepped::default()),
            (_, Next::Begin(from)) => {
                info!(
                    "pool {pool} is rolled out from recipe {from} to {}",
                    self.recipe
                );
                self.begin(&from, RolloutState::Canary, None).await?;
                Ok(again())
            }
            (_, Next::Refuse(from)) => {
                let cause = format!(
                    "recipe {} was left within the last hour: if going back is what you want, retry; if not, replicas of \
                     Services have different settings",
                    self.recipe
                );
                self.begin(&from, RolloutState::Stopped, Some(&cause))
                    .await?;
                self.raise_stopped(&from, None, &cause).await?;
                Ok(Stepped::default())
            }
            (Some(stored), Next::Supersede) => {
                let cause = format!("recipe {} superseded it", self.recipe);
                self.update(&stored, RolloutState::Superseded, Some(cause), 0)
                    .await?;
                Ok(again())
            }
            (Some(stored), Next::Stop(cause)) => {
                let rollout = &stored.rollout;
                self.raise_stopped(&rollout.from, rollout.canary.as_ref(), &cause)
                    .await?;
                self.update(&stored, RolloutState::Stopped, Some(cause), 0)
                    .await?;
                Ok(Stepped::default())
            }
            (Some(stored), Next::Wait(cause)) => {
                self.update(&stored, stored.rollout.state, Some(cause), 0)
                    .await?;
                Ok(active())
            }
            (Some(stored), Next::Finish) => {
                info!("pool {pool} is rolled out to recipe {}", self.recipe);
                self.update(&stored, RolloutState::Done, None, 0).await?;
                Ok(Stepped::default())
            }
            (Some(stored), Next::MakeCanary) => self.make_canary(stored).await,
            (Some(stored), Next::Roll) => self.roll(stored).await,
            // The steps above only occur with a roll-out.
            (None, _) => Ok(Stepped::default()),
        }
    }

    async fn begin(
        &mut self,
        from: &RecipeHash,
        state: RolloutState,
        cause: Option<&str>,
    ) -> Result<(), DbError> {
        let new = NewRollout {
            pool: &self.plan.name,
            from,
            to: self.recipe,
            state,
            cause,
        };
        rollouts::insert(self.conn, new).await
    }

    async fn update(
        &mut self,
        stored: &StoredRollout,
        state: RolloutState,
        cause: Option<String>,
        replaced: u32,
    ) -> Result<(), DbError> {
        let update = Update {
            state,
            cause,
            canary: stored.rollout.canary.clone(),
            replaced,
        };
        rollouts::update(self.conn, stored.id, &update, None).await
    }

    async fn raise_stopped(
        &mut self,
        from: &RecipeHash,
        canary: Option<&InstanceId>,
        cause: &str,
    ) -> Result<(), DbError> {
        let pool = &self.plan.name;
        warn!(
            "the roll-out of pool {pool} to recipe {} is stopped: {cause}",
            self.recipe
        );
        let data = json!({
            "pool": pool, "from": from, "to": self.recipe, "canary": canary, "reason": cause,
        });
        webhooks::raise(self.conn, WebhookEvent::RolloutStopped, &data).await
    }

    /// Creates one more instance than the target. If the limits leave no room, an idle one above the target is removed
    /// first; if there is none, the roll-out waits.
    async fn make_canary(&mut self, mut stored: StoredRollout) -> Result<Stepped, DbError> {
        let inserted = self.insert(1, None).await?;
        if let Some(canary) = inserted.first() {
            stored.rollout.canary = Some(canary.id.clone());
            let cause = format!("its canary {} is being created", canary.id);
            self.update(&stored, RolloutState::Canary, Some(cause), 0)
                .await?;
            return Ok(Stepped {
                inserted,
                ..active()
            });
        }
        let condemned = self.condemn(1).await?;
        let cause = match condemned.first() {
            Some(id) => {
                format!("the limits leave no room for a canary: removing idle instance {id}")
            }
            None => self.blocked("a canary").await?,
        };
        self.update(
            &stored,
            RolloutState::Canary,
            Some(cause),
            count(&condemned),
        )
        .await?;
        Ok(Stepped {
            condemned,
            ..active()
        })
    }

    /// Removes old instances above the target, and creates as many new ones as are to be removed next. Only what is above
    /// the target is removed, so the pool never has fewer idle instances.
    async fn roll(&mut self, stored: StoredRollout) -> Result<Stepped, DbError> {
        let at_once = (self.plan.target / 4).clamp(1, MOST_AT_ONCE);
        let condemned = self.condemn(at_once).await?;
        let replaced = count(&condemned);
        let left = self.facts.outdated.saturating_sub(replaced);
        let inserted = match left {
            0 => Vec::new(),
            _ => {
                self.insert(at_once.min(left), Some(self.plan.target))
                    .await?
            }
        };
        let moves = replaced > 0 || !inserted.is_empty() || self.facts.starting > 0;
        let cause = match (left, moves) {
            (0, _) | (_, true) => None,
            (_, false) => Some(self.blocked("a new instance").await?),
        };
        self.update(&stored, RolloutState::Rolling, cause, replaced)
            .await?;
        Ok(Stepped {
            inserted,
            condemned,
            ..active()
        })
    }

    async fn condemn(&mut self, most: u32) -> Result<Vec<InstanceId>, DbError> {
        explain::set_reason(self.conn, &self.reason()).await?;
        let plan = self.plan;
        rollouts::replace_outdated(self.conn, &plan.name, self.recipe, plan.target, most).await
    }

    /// Inserts rows of new instances: this many, or as many as are missing above the target.
    async fn insert(
        &mut self,
        count: u32,
        above: Option<u32>,
    ) -> Result<Vec<NewInstance>, DbError> {
        let allowances = creation_failures::load_allowances(self.conn).await?;
        let count = count.min(allowances.of_pool(&self.plan.name));
        let mut demand = match above {
            None => self.plan.extra(count),
            Some(target) => {
                let raised = Plan {
                    target: target + count,
                    ..self.plan.clone()
                };
                raised.deficit(count, 0)
            }
        };
        demand.reason = self.reason();
        instances::insert_starting(self.conn, &[demand], self.max_total, self.lease).await
    }

    /// Why instances come and go.
    fn reason(&self) -> String {
        format!("roll-out to recipe {}", self.recipe)
    }

    /// Why no instance can be created.
    async fn blocked(&mut self, what: &str) -> Result<String, DbError> {
        let allowances = creation_failures::load_allowances(self.conn).await?;
        if allowances.of_pool(&self.plan.name) == 0 {
            return Ok(
                "creations of the pool fail: it continues once a creation may start again"
                    .to_owned(),
            );
        }
        let Plan {
            target, max_total, ..
        } = self.plan;
        Ok(format!(
            "the limits leave no room for {what}: the pool may have {max_total} instances and POOL_MAX_TOTAL allows {} in \
             all, and no idle one is above the target of {target}; raise a limit or lower the target",
            self.max_total
        ))
    }
}

fn again() -> Stepped {
    Stepped {
        again: true,
        ..active()
    }
}

fn active() -> Stepped {
    Stepped {
        active: true,
        ..Stepped::default()
    }
}

fn count(ids: &[InstanceId]) -> u32 {
    u32::try_from(ids.len()).unwrap_or(u32::MAX)
}
