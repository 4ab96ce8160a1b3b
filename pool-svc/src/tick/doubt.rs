//! Distrust of a look at the fleet that finds too many deaths at once.
//!
//! An empty or partial vendor listing, a broken network, a locked account: all of them look like the death
//! of a fleet. So if one look would take more of the fleet for dead than allowed, it takes none. Deaths of
//! idle and claimed instances count whatever their reason, and so do starting instances that are not
//! listed; a starting instance whose deployment failed says nothing about the others.

use agent_pool_core::wire::services::StatusBatch;
use agent_pool_core::{DeployStatus, InstanceId};

use super::decision::{Decision, PlannedMove};
use crate::lifecycle::{Cause, Move};

/// Fewer deaths than this are always believed.
const FEWEST_VANISHED: usize = 3;

/// Drops the deaths of one look if they are too many, out of `settled` idle and claimed instances.
pub(super) fn doubt(
    decision: &mut Decision,
    batch: &StatusBatch,
    settled: usize,
    max_percent: u32,
) {
    let vanished = |planned: &PlannedMove| {
        let dead = matches!(planned.cause, Cause::DeploymentDead | Cause::Unreachable);
        dead && (planned.step != Move::CONDEMN_STARTING || !is_listed(batch, &planned.id))
    };
    let all: Vec<_> = decision.moves.iter().filter(|one| vanished(one)).collect();
    let starting = all.iter().filter(|one| one.step == Move::CONDEMN_STARTING);
    let (count, of) = (all.len(), settled + starting.count());
    if count < FEWEST_VANISHED || count as u64 * 100 <= of as u64 * u64::from(max_percent) {
        return;
    }
    if all.iter().any(|one| !is_listed(batch, &one.id)) {
        // Instances that are not listed were not pinged either.
        decision.watched = false;
        decision.silent.clear();
    }
    decision.moves.retain(|one| !vanished(one));
    decision.unobserved = Some(format!(
        "{count} of {of} instances look dead at once, more than POOL_MAX_VANISHED_PERCENT \
         ({max_percent}): check the infra, then kill them or raise the setting"
    ));
}

fn is_listed(batch: &StatusBatch, id: &InstanceId) -> bool {
    let report = batch.get(id);
    report.is_some_and(|report| report.status != Some(DeployStatus::Missing))
}
