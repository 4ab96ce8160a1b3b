//! Writes the decision: one statement for each kind of move, in one transaction behind the fence.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{Status, TickReport};
use agent_pool_service_kit::db::DbError;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use metrics::gauge;
use tracing::{error, info, warn};

use super::decision::{Decision, DeploymentFailure};
use super::error::{TickError, require_latest};
use super::ticker::Ticker;
use crate::db::creation_failures::{self, NewFailure};
use crate::db::events::{self, StrayOrigin};
use crate::db::tick_state::{self, Epoch, Look, Then};
use crate::db::{instances, rollouts, views};
use crate::lifecycle::Move;

/// How many health observations one statement stores.
const NOTED_AT_ONCE: usize = 1_000;

/// What a tick wrote.
#[derive(Debug, Default)]
struct Applied {
    moved: Vec<(Move, Vec<InstanceId>)>,
    reappeared: Vec<InstanceId>,
    foreign: usize,
}

impl Applied {
    fn any_became_idle(&self) -> bool {
        let mut moved = self.moved.iter();
        moved.any(|(step, ids)| *step == Move::BECOME_IDLE && !ids.is_empty())
    }
}

pub(super) async fn apply(
    ticker: &Ticker,
    epoch: Epoch,
    decision: &Decision,
    then: Then,
    report: &mut TickReport,
) -> Result<(), TickError> {
    let look = Look {
        watched: decision.watched,
        doubt: decision.unobserved.as_deref(),
        then,
    };
    let mut conn = ticker.app.db.conn().await?;
    if !decision.writes() {
        require_latest(tick_state::note(&mut conn, epoch, look).await?)?;
        log_and_count(ticker, &Applied::default(), report);
        return Ok(());
    }
    let applied = conn
        .transaction(async |conn| {
            // The fence comes first: what this tick has observed may be outdated if another one has begun.
            require_latest(tick_state::note(conn, epoch, look).await?)?;
            Ok::<_, TickError>(write(conn, decision).await?)
        })
        .await?;
    if applied.any_became_idle() {
        instances::notify_waiting_claims(&mut conn).await?;
    }
    // Outside the transaction, so that claims find no idle row locked for longer than one of these statements takes.
    for some in decision.still_healthy.chunks(NOTED_AT_ONCE) {
        views::note_still_healthy(&mut conn, epoch, some).await?;
    }
    for some in decision.runs.chunks(NOTED_AT_ONCE) {
        rollouts::note_runs(&mut conn, some).await?;
    }
    log_and_count(ticker, &applied, report);
    Ok(())
}

async fn write(conn: &mut AsyncPgConnection, decision: &Decision) -> Result<Applied, DbError> {
    let mut applied = Applied::default();
    let mut ours = Vec::new();
    for stray in events::find_strays(conn, &decision.strays).await? {
        match stray.origin {
            StrayOrigin::Ours => ours.push(stray.id),
            StrayOrigin::Foreign => applied.foreign += 1,
            StrayOrigin::JustGone => {}
        }
    }
    applied.reappeared = instances::insert_reappeared(conn, &ours).await?;
    views::note_silent(conn, &decision.silent).await?;
    views::note_healthy(conn, &decision.healthy).await?;
    for step in Move::BY_TICK {
        let causes: Vec<_> = decision
            .moves
            .iter()
            .filter(|planned| planned.step == step)
            .map(|planned| (planned.id.clone(), planned.cause))
            .collect();
        let moved = instances::mark(conn, step, &causes).await?;
        applied.moved.push((step, moved));
    }
    record_failed_creations(conn, decision, &applied).await?;
    Ok(applied)
}

/// Ticks find failed deployments. All those of one tick count as one failure.
async fn record_failed_creations(
    conn: &mut AsyncPgConnection,
    decision: &Decision,
    applied: &Applied,
) -> Result<(), DbError> {
    let moved: HashSet<_> = applied.moved.iter().flat_map(|(_, ids)| ids).collect();
    for kind in [DeploymentFailure::NeverReady, DeploymentFailure::DiedEarly] {
        let failed = decision
            .failed_creations
            .iter()
            .filter(|failed| failed.failure == kind && moved.contains(&failed.id));
        let Some(youngest) = failed.min_by_key(|failed| failed.age) else {
            continue;
        };
        let (id, cause) = (&youngest.id, youngest.cause.as_str());
        let why = match &youngest.detail {
            Some(detail) => format!("{cause}: {detail}"),
            None => cause.to_owned(),
        };
        let failure = match kind {
            DeploymentFailure::NeverReady => NewFailure::never_ready(id, &why),
            DeploymentFailure::DiedEarly => NewFailure::died_early(id, &why),
        };
        error!(instance.id = %id, "{}", failure.error);
        creation_failures::record(conn, id, &failure).await?;
    }
    for (step, moved) in &applied.moved {
        if *step == Move::BECOME_IDLE && !moved.is_empty() {
            creation_failures::forget_never_ready(conn, moved).await?;
        }
    }
    Ok(())
}

fn log_and_count(ticker: &Ticker, applied: &Applied, report: &mut TickReport) {
    for (step, moved) in &applied.moved {
        let (from, to) = (step.from().as_str(), step.to().as_str());
        for id in moved {
            info!(instance.id = %id, "instance {id} was {from} and is {to}");
        }
        *count_of(report, step.to()) += u32::try_from(moved.len()).unwrap_or(u32::MAX);
    }
    for id in &applied.reappeared {
        warn!(instance.id = %id, "instance {id} was destroyed, but Services has it: destroying it again");
    }
    report.reappeared = u32::try_from(applied.reappeared.len()).unwrap_or(u32::MAX);
    report.foreign = u32::try_from(applied.foreign).unwrap_or(u32::MAX);
    gauge!("agent_pool_foreign_instances").set(report.foreign);
    let before = ticker.foreign.swap(report.foreign, Ordering::Relaxed);
    if before != report.foreign && report.foreign > 0 {
        let count = report.foreign;
        warn!(
            "Services has {count} instances that never belonged to this pool: leaving them alone"
        );
    }
}

/// The counter of moves to this status.
fn count_of(report: &mut TickReport, to: Status) -> &mut u32 {
    match to {
        Status::Idle => &mut report.became_idle,
        Status::Crashed => &mut report.crashed,
        Status::Destroying | Status::Starting | Status::Claiming | Status::Claimed => {
            &mut report.condemned
        }
    }
}
