//! One tick, from its lock to its report.

use agent_pool_core::wire::pool::{Status, TickReport};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::db::lock::SessionLock;
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;
use tracing::error;

use super::apply::apply;
use super::decide::{Limits, decide};
use super::observe::observe;
use crate::app::App;
use crate::db::views;
use crate::{destruction, warm_up};

/// Ticks now, after the tick of this process that is running; not at all while another replica's is.
pub(crate) async fn run(app: &App) -> Result<TickReport, DbError> {
    let _alone = app.ticking.lock().await;
    let started = Instant::now();
    let url = &app.config.pool.pool_database_url;
    let Some(lock) = SessionLock::try_take(url, "agent-pool tick").await? else {
        return Ok(TickReport::default());
    };
    let report = pass(app).await;
    lock.release().await;
    counter!("agent_pool_ticks_total").increment(1);
    histogram!("agent_pool_tick_seconds").record(started.elapsed().as_secs_f64());
    report
}

async fn pass(app: &App) -> Result<TickReport, DbError> {
    let (fleet, answer) = observe(app).await?;
    let pool = &app.config.pool;
    let limits = Limits {
        stuck_after: pool.pool_stuck_timeout_ms.duration(),
        max_vanished_percent: pool.pool_max_vanished_percent,
    };
    let decision = decide(&fleet, &answer, limits);
    if let Some(reason) = &decision.unobserved {
        error!("nothing is decided from this look at the fleet: {reason}");
    }
    let mut report = TickReport {
        ran: true,
        unobserved: decision.unobserved.clone(),
        ..TickReport::default()
    };
    apply(&mut *app.db.conn().await?, &decision, &mut report).await?;
    let begun = destruction::start(app).await?;
    report.destroying = u32::try_from(begun).unwrap_or(u32::MAX);
    if decision.may_create {
        let created = warm_up::replenish(app).await?.len();
        report.created = u32::try_from(created).unwrap_or(u32::MAX);
    }
    measure(app).await?;
    Ok(report)
}

async fn measure(app: &App) -> Result<(), DbError> {
    let mut counts = views::count(&mut *app.db.conn().await?).await?;
    if counts.idle >= app.config.pool.pool_min_idle {
        app.backoff.nothing_is_missing();
    }
    for status in Status::ALL {
        let count = *views::of(&mut counts, status);
        gauge!("agent_pool_instances", "status" => status.as_str()).set(count);
    }
    Ok(())
}
