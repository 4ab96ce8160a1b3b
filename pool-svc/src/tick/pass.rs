//! One tick, from its lock to its report.

use std::time::Duration;

use agent_pool_client::status_within;
use agent_pool_core::wire::pool::{Status, TickReport};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::db::lock::SessionLock;
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;
use tracing::error;

use super::apply::apply;
use super::begin::begin;
use super::decide::{Limits, decide};
use super::error::TickError;
use super::observe::observe;
use super::ticker::Ticker;
use crate::app::App;
use crate::config::PoolSettings;
use crate::db::{claim_keys, creation_failures, events, tick_state, views};

/// How many ticks may be missing before the fleet counts as not watched.
const MAX_MISSED: u32 = 3;

impl Ticker {
    /// Ticks now, after the tick of this process that is running. Does nothing while another replica
    /// ticks.
    pub(crate) async fn run(&self) -> Result<TickReport, TickError> {
        let _alone = self.ticking.lock().await;
        let started = Instant::now();
        let url = &self.app.config.pool.pool_database_url;
        let Some(lock) = SessionLock::try_take(url, "agent-pool tick").await? else {
            return Ok(TickReport::default());
        };
        let report = pass(self).await;
        lock.release().await;
        counter!("agent_pool_ticks_total").increment(1);
        histogram!("agent_pool_tick_seconds").record(started.elapsed().as_secs_f64());
        report
    }
}

async fn pass(ticker: &Ticker) -> Result<TickReport, TickError> {
    let app = &ticker.app;
    let pool = &app.config.pool;
    let limits = Limits {
        stuck_after: pool.pool_stuck_timeout_ms.duration(),
        max_vanished_percent: pool.pool_max_vanished_percent,
    };
    let answer_within = status_within(pool.pool_max_total);
    let unwatched_after = unwatched_after(pool, answer_within);
    let epoch = tick_state::begin(&mut *app.db.conn().await?, unwatched_after).await?;
    let (fleet, observation) = observe(app, answer_within).await?;
    let decision = decide(&fleet, &observation, limits);
    report_doubt(decision.unobserved.as_deref());
    let mut report = TickReport {
        ran: true,
        unobserved: decision.unobserved.clone(),
        ..TickReport::default()
    };
    apply(ticker, epoch, &decision, &mut report).await?;
    begin(ticker, epoch, decision.may_create, &mut report).await?;
    tidy(app).await?;
    Ok(report)
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

/// Housekeeping that needs no fence: old log entries and keys, pauses that nothing waits for, gauges.
async fn tidy(app: &App) -> Result<(), DbError> {
    let pool = &app.config.pool;
    let mut conn = app.db.conn().await?;
    events::prune(&mut conn, pool.pool_events_keep_days).await?;
    claim_keys::prune(&mut conn).await?;
    let mut counts = views::count(&mut conn).await?;
    if counts.idle >= pool.pool_min_idle {
        creation_failures::forget_paused(&mut conn).await?;
    }
    for status in Status::ALL {
        let count = *views::of(&mut counts, status);
        gauge!("agent_pool_instances", "status" => status.as_str()).set(count);
    }
    Ok(())
}
