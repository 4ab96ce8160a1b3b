//! Doubt: distrusts an observation that finds too many deaths at once.
//!
//! An empty or partial vendor listing, a broken network, a locked account: all of them look as if the whole fleet had
//! died. So if one tick would treat more of the fleet as dead than allowed, it treats none as dead. Deaths of idle and
//! claimed instances count whatever their cause, and so do starting instances that are not listed; a starting instance
//! whose deployment failed says nothing about the others.

use agent_pool_core::InstanceId;

use super::decision::{Decision, PlannedMove};
use crate::lifecycle::{Cause, Move};

/// Fewer deaths than this are always accepted.
const FEWEST_VANISHED: usize = 3;

/// Drops the deaths of one observation if they are too many, out of `settled` idle and claimed instances.
pub(super) fn doubt(
    decision: &mut Decision,
    is_listed: impl Fn(&InstanceId) -> bool,
    settled: usize,
    max_percent: u32,
) {
    let vanished = |planned: &PlannedMove| {
        let dead = matches!(planned.cause, Cause::DeploymentDead | Cause::Unreachable);
        dead && (planned.step != Move::CONDEMN_STARTING || !is_listed(&planned.id))
    };
    let all: Vec<_> = decision.moves.iter().filter(|one| vanished(one)).collect();
    let starting = all.iter().filter(|one| one.step == Move::CONDEMN_STARTING);
    let (count, of) = (all.len(), settled + starting.count());
    if count < FEWEST_VANISHED || count as u64 * 100 <= of as u64 * u64::from(max_percent) {
        return;
    }
    if all.iter().any(|one| !is_listed(&one.id)) {
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
