//! What may be wrong with an answer that looks right: too many deaths at once.
//!
//! A vendor's listing that is empty or partial, a network that is cut, an account that is locked: all
//! of them look like the death of a fleet. So where more of it than allowed would die of one look,
//! nobody does. What counts are the deaths of idle and claimed instances for whatever reason, and
//! those of starting ones that are not listed; a starting one whose deployment failed says nothing
//! about the others.

use agent_pool_core::wire::services::StatusBatch;
use agent_pool_core::{DeployStatus, InstanceId};

use super::decide::{Decided, Decision};
use crate::lifecycle::{Cause, Move};

/// Fewer than this may vanish at once, whatever their share.
const FEWEST_VANISHED: usize = 3;

/// Drops the deaths that are too many at once, out of `settled` idle and claimed instances.
pub(super) fn doubt(
    decision: &mut Decision,
    batch: &StatusBatch,
    settled: usize,
    max_percent: u32,
) {
    let vanished = |(step, id, cause): &Decided| {
        let dead = matches!(cause, Cause::DeploymentDead | Cause::Unreachable);
        dead && (*step != Move::CONDEMN_STARTING || !is_listed(batch, id))
    };
    let all: Vec<_> = decision.moves.iter().filter(|one| vanished(one)).collect();
    let starting = all.iter().filter(|one| one.0 == Move::CONDEMN_STARTING);
    let (count, of) = (all.len(), settled + starting.count());
    if count < FEWEST_VANISHED || count as u64 * 100 <= of as u64 * u64::from(max_percent) {
        return;
    }
    if all.iter().any(|(_, id, _)| !is_listed(batch, id)) {
        // What is not listed was not asked for its health either.
        decision.watched = false;
        decision.silent.clear();
    }
    decision.moves.retain(|one| !vanished(one));
    decision.unobserved = Some(format!(
        "{count} of {of} instances would be taken for dead at once, more than \
         POOL_MAX_VANISHED_PERCENT ({max_percent}): look at the infra, and kill them or raise it"
    ));
}

fn is_listed(batch: &StatusBatch, id: &InstanceId) -> bool {
    let report = batch.get(id);
    report.is_some_and(|report| report.status != Some(DeployStatus::Missing))
}
