//! One tick, from its turn to its report.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::PoisonError;
use std::time::Duration;

use agent_pool_client::status_within;
use agent_pool_core::wire::pool::{Counts, Status, TickReport};
use agent_pool_core::{InstanceId, PoolName, chain};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use metrics::{counter, gauge, histogram};
use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use super::apply::apply;
use super::begin::begin;
use super::decide::{Limits, PROVEN_AFTER, decide};
use super::error::TickError;
use super::observe::{Observation, observe};
use super::ticker::Ticker;
use crate::config::PoolSettings;
use crate::costs::charge;
use crate::db::tick_state::{self, Bounds, Epoch, Then, Turn};
use crate::db::views::{self, FleetRow, Lease};
use crate::db::{claim_keys, costs, creation_failures, events, upgrades};
use crate::ops::end_agents::end_agents;
use crate::ops::recycle::recycle;
use crate::pools::load_plans;

/// How many times the note that an instance is healthy is renewed within the stuck timeout.
const RENOTED_WITHIN_STUCK: u32 = 10;
/// How many ticks may be missing before the fleet counts as not watched.
const MAX_MISSED: u32 = 3;

impl Ticker {
    /// Ticks now, after the tick of this process that is running. Does nothing while another replica
    /// ticks.
    pub(crate) async fn run(&self) -> Result<TickReport, TickError> {
        let _alone = self.ticking.lock().await;
        let started = Instant::now();
        let pool = &self.app.config.pool;
        let answer_within = status_within(pool.pool_max_total);
        let bounds = Bounds {
            lease: pool.pool_work_lease_ms.duration(),
            unwatched_after: unwatched_after(pool, answer_within),
        };
        let begun = tick_state::begin(&mut *self.app.db.conn().await?, bounds).await?;
        let Some(turn) = begun else {
            return Ok(TickReport::default());
        };
        let report = tokio::select! {
            report = pass(self, turn, answer_within) => report,
            never = self.keep_turn(turn.epoch, bounds.lease) => match never {},
        };
        if !matches!(report, Ok(Pass { ended: true, .. })) {
            self.end_turn(turn.epoch).await;
        }
        counter!("agent_pool_ticks_total").increment(1);
        histogram!("agent_pool_tick_seconds").record(started.elapsed().as_secs_f64());
        report.map(|pass| pass.report)
    }

    /// Renews the turn, three times within its lease, so that one renewal may fail. If it is lost, the fence
    /// ends the tick.
    async fn keep_turn(&self, epoch: Epoch, lease: Duration) -> Infallible {
        loop {
            sleep(lease / 3).await;
            let renew = async || {
                let mut conn = self.app.db.conn().await?;
                tick_state::renew(&mut conn, epoch, lease).await
            };
            if let Err(error) = renew().await {
                let error = chain(&error);
                warn!("the turn of a tick is not renewed: {error}");
            }
        }
    }

    async fn end_turn(&self, epoch: Epoch) {
        let end = async || tick_state::end(&mut *self.app.db.conn().await?, epoch).await;
        if let Err(error) = end().await {
            let error = chain(&error);
            warn!("the turn of a tick ends with its lease: {error}");
        }
    }
}

/// A tick that came to its end.
struct Pass {
    report: TickReport,
    /// Whether its turn is over already.
    ended: bool,
}

async fn pass(ticker: &Ticker, turn: Turn, answer_within: Duration) -> Result<Pass, TickError> {
    let app = &ticker.app;
    let pool = &app.config.pool;
    let limits = Limits {
        stuck_after: pool.pool_stuck_timeout_ms.duration(),
        max_vanished_percent: pool.pool_max_vanished_percent,
        renote_after: pool.pool_stuck_timeout_ms.duration() / RENOTED_WITHIN_STUCK,
    };
    let (fleet, observation) = observe(app, turn.clock, answer_within).await?;
    let decision = decide(&fleet, &observation, limits);
    report_doubt(decision.unobserved.as_deref());
    let mut report = TickReport {
        ran: true,
        unobserved: decision.unobserved.clone(),
        ..TickReport::default()
    };
    // Most ticks of a fleet that does well find nothing to write and nothing to begin.
    let idles = !decision.writes() && !fleet.iter().any(is_pending);
    let ended = idles && !ticker.creations.is_short().await?;
    let then = if ended { Then::End } else { Then::Apply };
    apply(ticker, turn.epoch, &decision, then, &mut report).await?;
    if !ended {
        begin(ticker, turn.epoch, &mut report).await?;
    }
    tidy(ticker, &fleet, &observation).await?;
    Ok(Pass { report, ended })
}

/// Whether the row is one of work that no task does.
fn is_pending(row: &FleetRow) -> bool {
    match row.status {
        Status::Destroying => row.lease != Lease::Held,
        Status::Starting => row.lease == Lease::Expired,
        Status::Idle | Status::Claiming | Status::Claimed | Status::Crashed => false,
    }
}

/// How long after a look the fleet no longer counts as watched: some ticks, and the longest time that one
/// of them may take.
fn unwatched_after(pool: &PoolSettings, answer_within: Duration) -> Duration {
    pool.tick_interval_ms.duration() * MAX_MISSED + answer_within
}

fn report_doubt(doubt: Option<&str>) {
    gauge!("agent_pool_fleet_in_doubt").set(u32::from(doubt.is_some()));
    if let Some(reason) = doubt {
        error!("no instance is taken for dead by this tick: {reason}");
    }
}

/// What needs no fence: old log entries and keys, pauses that nothing waits for, gauges, and what is ended by its age.
async fn tidy(
    ticker: &Ticker,
    fleet: &[FleetRow],
    observation: &Observation,
) -> Result<(), DbError> {
    let pool = &ticker.app.config.pool;
    let counts = count_by_pool(fleet);
    show(ticker, &counts);
    let mut conn = ticker.app.db.conn().await?;
    let plans = load_plans(&mut conn, pool).await?;
    if plans
        .iter()
        .any(|plan| plan.max_idle.is_some() || plan.ends.is_some())
    {
        recycle(&mut conn, &plans).await?;
        end_agents(&mut conn, &plans, &activity(fleet, observation)).await?;
        ticker.destructions.start_pending().await;
    }
    charge(&mut conn, pool).await?;
    if creation_failures::are_known(&mut conn).await? {
        creation_failures::forget_early_deaths(&mut conn, PROVEN_AFTER).await?;
        let idle = |name: &PoolName| counts.get(name.as_str()).map_or(0, |counts| counts.idle);
        let full = plans.iter().filter(|plan| idle(&plan.name) >= plan.target);
        let full: Vec<&str> = full.map(|plan| plan.name.as_str()).collect();
        creation_failures::forget_paused(&mut conn, &full).await?;
    }
    if ticker.is_time_to_prune() {
        events::prune(&mut conn, pool.pool_events_keep_days).await?;
        claim_keys::prune(&mut conn).await?;
        costs::prune(&mut conn).await?;
        upgrades::prune(&mut conn, pool.pool_events_keep_days).await?;
    }
    Ok(())
}

/// When agents last did something, of those whose runtimes report it.
fn activity(fleet: &[FleetRow], observation: &Observation) -> Vec<(InstanceId, DateTime<Utc>)> {
    let Observation::Batch(batch) = observation else {
        return Vec::new();
    };
    let agents = fleet.iter().filter(|row| row.status == Status::Claimed);
    let reported =
        agents.filter_map(|row| Some((row.id.clone(), batch.get(&row.id)?.last_activity?)));
    reported.collect()
}

/// The instances of each pool that has any, and of the pool `default`.
fn count_by_pool(fleet: &[FleetRow]) -> BTreeMap<&str, Counts> {
    let mut all = BTreeMap::from([(PoolName::DEFAULT, Counts::default())]);
    for row in fleet {
        *views::count_mut(all.entry(&row.pool).or_default(), row.status) += 1;
    }
    all
}

/// Sets the gauges, also those of pools that have no instances any more.
fn show(ticker: &Ticker, counts: &BTreeMap<&str, Counts>) {
    let mut shown = ticker.shown.lock().unwrap_or_else(PoisonError::into_inner);
    shown.extend(counts.keys().map(|pool| (*pool).to_owned()));
    for pool in shown.iter() {
        let mut counts = counts.get(pool.as_str()).copied().unwrap_or_default();
        for status in Status::ALL {
            let count = *views::count_mut(&mut counts, status);
            let status = status.as_str();
            gauge!("agent_pool_instances", "pool" => pool.clone(), "status" => status).set(count);
        }
    }
}
