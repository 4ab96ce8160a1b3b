//! The loop that decides the targets.

use std::collections::HashMap;
use std::time::Duration;

use agent_pool_core::wire::pool::{Objective as Declared, Sizing};
use agent_pool_core::{PoolName, chain};
use agent_pool_service_kit::db::DbError;
use agent_pool_sizing::{Inputs, SURPLUS_AFTER, decide};
use chrono::Utc;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio::time::sleep;
use tracing::{info, warn};

use super::learn::{Knowledge, demand, hour_of, learn};
use super::objective::parse_objective;
use super::reason::{sentence, word};
use crate::app::App;
use crate::background::Background;
use crate::db::{explain, instances, pools, sizings};
use crate::ops::destruction::Destructions;
use crate::pool_gauges::PoolGauges;
use crate::pools::Plan;

/// Pause between two decisions.
const PERIOD: Duration = Duration::from_mins(1);

/// Decides each minute until shutdown, in one replica at a time.
pub(crate) fn keep_sizing(app: &App, background: &Background, destructions: &Destructions) {
    let (app, woken, destructions) = (app.clone(), background.clone(), destructions.clone());
    background.tasks.keep("sizing", move |shutdown| {
        let mut sizer = Sizer {
            app: app.clone(),
            background: woken.clone(),
            destructions: destructions.clone(),
            known: HashMap::new(),
            gauges: PoolGauges::new([
                "agent_pool_target_instances",
                "agent_pool_expected_claims_per_minute",
            ]),
        };
        async move {
            loop {
                if let Err(error) = sizer.decide_all().await {
                    warn!(
                        error.chain = chain(&error),
                        "pools keep their last targets: {error}"
                    );
                }
                tokio::select! {
                    () = sleep(PERIOD) => {}
                    () = shutdown.wait() => return,
                }
            }
        }
    });
}

struct Sizer {
    app: App,
    background: Background,
    destructions: Destructions,
    /// Demand and lead time from the log, with the objective for which they were computed.
    known: HashMap<PoolName, (Declared, Knowledge)>,
    /// Of the pools with an objective.
    gauges: PoolGauges<2>,
}

impl Sizer {
    async fn decide_all(&mut self) -> Result<(), DbError> {
        let mut conn = self.app.db.conn().await?;
        let sized: Vec<_> = pools::load(&mut conn)
            .await?
            .into_iter()
            .filter_map(|pool| {
                let declared = pool.spec.policy.objective.clone()?;
                Some((Plan::new(&pool, &self.app.config.pool), declared))
            })
            .collect();
        self.gauges
            .retain(|name| sized.iter().any(|(plan, _)| plan.name == *name));
        if sized.is_empty() {
            return Ok(());
        }
        let Some(lock) = self.app.db.lock("agent-pool sizing").await? else {
            return Ok(());
        };
        let mut outcome = Ok(());
        for (plan, declared) in &sized {
            outcome = self.decide(&mut conn, plan, declared).await;
            if outcome.is_err() {
                break;
            }
        }
        if outcome.is_ok() {
            let days = self.app.config.pool.pool_events_keep_days;
            outcome = sizings::prune(&mut conn, days).await;
        }
        drop(conn);
        lock.release().await;
        self.destructions.start_pending().await;
        self.background.request_replenish();
        outcome
    }

    async fn decide(
        &mut self,
        conn: &mut AsyncPgConnection,
        plan: &Plan,
        declared: &Declared,
    ) -> Result<(), DbError> {
        let name = &plan.name;
        let objective = match parse_objective(declared, plan.max_total) {
            Ok(objective) => objective,
            Err(error) => {
                warn!(
                    "pool {name} keeps its last target, because its objective cannot be used: {error}"
                );
                return Ok(());
            }
        };
        let now = Utc::now();
        let fresh =
            |(of, known): &(Declared, Knowledge)| of == declared && known.hour == hour_of(now);
        if !self.known.get(name).is_some_and(fresh) {
            let learnt = learn(conn, name, &objective, now).await?;
            self.known.insert(name.clone(), (declared.clone(), learnt));
        }
        let Some((_, known)) = self.known.get(name) else {
            return Ok(());
        };
        let demand = demand(conn, name, known, now).await?;
        let previous = sizings::find_latest(conn, name).await?;
        let inputs = Inputs {
            rate: demand.rate,
            lead: known.lead,
            dispersion: known.dispersion,
            floor: objective.floor_at(now),
            previous: previous.as_ref().map(|sizing| sizing.target),
        };
        let decision = decide(&objective, &inputs);
        let sizing = Sizing {
            target: decision.target,
            wanted: decision.wanted,
            bound: word(decision.bound).to_owned(),
            claims_per_minute: demand.rate * 60.0,
            recent_claims: demand.recent,
            lead_seconds: known.lead.as_secs_f64(),
            dispersion: known.dispersion,
            reason: sentence(declared.hit_rate, &objective, &inputs, &decision),
            decided_at: now,
        };
        let values = [f64::from(sizing.target), sizing.claims_per_minute];
        self.gauges.set(name, values);
        if inputs.previous != Some(sizing.target) {
            info!(
                "pool {name} keeps {} idle: {}",
                sizing.target, sizing.reason
            );
        }
        conn.transaction(async |conn| {
            sizings::insert(conn, name, &sizing).await?;
            remove_surplus(conn, plan, &sizing).await
        })
        .await
    }
}

/// Condemns idle instances that have been surplus for some minutes.
async fn remove_surplus(
    conn: &mut AsyncPgConnection,
    plan: &Plan,
    sizing: &Sizing,
) -> Result<(), DbError> {
    let minutes = u32::try_from(SURPLUS_AFTER).unwrap_or(u32::MAX);
    let highest = sizings::highest_target(conn, &plan.name, minutes).await?;
    let keep = highest.unwrap_or(sizing.target).max(sizing.target);
    let reason = format!("more than {keep} idle for {minutes} min; {}", sizing.reason);
    explain::set_reason(conn, &reason).await?;
    let removed = instances::remove_surplus(conn, &plan.name, keep).await?;
    for id in &removed {
        info!(instance.id = %id, "instance {id} is surplus: {reason}");
    }
    Ok(())
}
