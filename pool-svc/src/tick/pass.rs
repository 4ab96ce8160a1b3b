//! One tick, from its turn to its report.

use std::convert::Infallible;
use std::time::Duration;

use agent_pool_client::status_within;
use agent_pool_core::chain;
use agent_pool_core::wire::pool::{Status, TickReport};
use futures_util::future::join;
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;
use tracing::{error, warn};

use super::apply::apply;
use super::begin::begin;
use super::decide::{Limits, decide};
use super::error::TickError;
use super::observe::observe;
use super::ticker::Ticker;
use super::tidy::{load_wanted, tidy};
use crate::config::PoolSettings;
use crate::db::fleet::{FleetRow, Lease};
use crate::db::tick_state::{self, Bounds, Epoch, Then, Turn};
use crate::renewal::keep_renewing;

/// How many times the stored time of the last healthy check is renewed within the stuck timeout.
const RENOTED_WITHIN_STUCK: u32 = 10;
/// How many ticks may be missed before the fleet counts as unwatched.
const MAX_MISSED: u32 = 3;

impl Ticker {
    /// Runs a tick now, after a running tick of this process. Does nothing while another replica ticks.
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

    /// Renews the turn. If it is lost, the fence ends the tick.
    async fn keep_turn(&self, epoch: Epoch, lease: Duration) -> Infallible {
        let renew = || async {
            let mut conn = self.app.db.conn().await?;
            tick_state::renew(&mut conn, epoch, lease).await
        };
        keep_renewing("the turn of a tick", lease, renew).await
    }

    async fn end_turn(&self, epoch: Epoch) {
        let end = async || tick_state::end(&mut *self.app.db.conn().await?, epoch).await;
        if let Err(error) = end().await {
            let error = chain(&error);
            warn!("the turn of a tick ends with its lease: {error}");
        }
    }
}

/// The result of a completed tick.
struct Pass {
    report: TickReport,
    /// Whether its turn has already ended.
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
    let (seen, wanted) = join(observe(app, turn.clock, answer_within), load_wanted(ticker)).await;
    let ((fleet, observation), wanted) = (seen?, wanted?);
    let decision = decide(&fleet, observation, limits);
    report_doubt(decision.unobserved.as_deref());
    let mut report = TickReport {
        ran: true,
        unobserved: decision.unobserved.clone(),
        ..TickReport::default()
    };
    // Most ticks of a healthy fleet find nothing to write and nothing to begin.
    let idles = !decision.writes() && !fleet.iter().any(is_pending);
    let ended = idles && !wanted.is_short;
    let then = if ended { Then::End } else { Then::Apply };
    apply(ticker, turn.epoch, &decision, then, &mut report).await?;
    if !ended {
        begin(ticker, turn.epoch, &mut report).await?;
    }
    tidy(ticker, &fleet, &decision.activity, &wanted).await?;
    Ok(Pass { report, ended })
}

/// Whether the row has pending work that no task is doing.
fn is_pending(row: &FleetRow) -> bool {
    match row.status {
        Status::Destroying => row.lease != Lease::Held,
        Status::Starting => row.lease == Lease::Expired,
        Status::Idle | Status::Claiming | Status::Claimed | Status::Crashed => false,
    }
}

/// How long after an observation the fleet no longer counts as watched: some ticks, plus the longest time that one of
/// them may take.
fn unwatched_after(pool: &PoolSettings, answer_within: Duration) -> Duration {
    pool.tick_interval_ms.duration() * MAX_MISSED + answer_within
}

fn report_doubt(doubt: Option<&str>) {
    gauge!("agent_pool_fleet_in_doubt").set(u32::from(doubt.is_some()));
    if let Some(reason) = doubt {
        error!("this tick treats no instance as dead: {reason}");
    }
}
