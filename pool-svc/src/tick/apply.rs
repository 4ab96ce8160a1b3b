//! What was decided, as statements: one for each kind of move.

use agent_pool_core::wire::pool::{Status, TickReport};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;
use tracing::info;

use super::decide::Decision;
use crate::db::{instances, views};
use crate::lifecycle::Move;

pub(super) async fn apply(
    conn: &mut AsyncPgConnection,
    decision: &Decision,
    report: &mut TickReport,
) -> Result<(), DbError> {
    views::note_healthy(conn, &decision.healthy).await?;
    for step in Move::BY_TICK {
        let causes: Vec<_> = decision
            .moves
            .iter()
            .filter(|(decided, _, _)| *decided == step)
            .map(|(_, id, cause)| (id.clone(), *cause))
            .collect();
        let moved = instances::mark(conn, step, &causes).await?;
        for id in &moved {
            let (from, to) = (step.from().as_str(), step.to().as_str());
            info!(instance.id = %id, "instance {id} was {from} and is {to}");
        }
        *of(report, step.to()) += u32::try_from(moved.len()).unwrap_or(u32::MAX);
    }
    Ok(())
}

/// What a tick's moves lead to, as its report counts them.
fn of(report: &mut TickReport, to: Status) -> &mut u32 {
    match to {
        Status::Idle => &mut report.became_idle,
        Status::Crashed => &mut report.crashed,
        Status::Destroying | Status::Starting | Status::Claiming | Status::Claimed => {
            &mut report.condemned
        }
    }
}
