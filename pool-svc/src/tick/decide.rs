//! What follows from a look at the fleet. Pure: the clock's readings are in the rows.
//!
//! - **Healthy wins** over any deploy status: a listing may lag, an answer does not.
//! - An answer that failed, or that knows nobody although somebody is there, decides nothing. Leases
//!   of claims still expire, because they do not depend on it. While Services does not answer,
//!   nothing is created either; it could not be.
//! - Where more of the fleet than allowed is reported dead at once, the report is not believed. What
//!   has not answered for the stuck timeout goes all the same: that is our own long observation.

use std::time::Duration;

use agent_pool_core::wire::pool::Status;
use agent_pool_core::wire::services::InstanceReport;
use agent_pool_core::{DeployStatus, InstanceId};
use url::Url;

use super::observe::Answer;
use crate::db::views::{Lease, Seen};
use crate::lifecycle::{Cause, Move};

/// An instance younger than this that is not listed is not dead: vendors' listings lag.
const LISTED_WITHIN: Duration = Duration::from_mins(5);
/// Fewer than this may vanish at once, whatever their share.
const FEWEST_VANISHED: usize = 3;

/// What a decision is bounded by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) stuck_after: Duration,
    pub(crate) max_vanished_percent: u32,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Why the answer was not, or not wholly, believed.
    pub(crate) unobserved: Option<String>,
    /// Who is healthy now, and where.
    pub(crate) healthy: Vec<(InstanceId, Option<Url>)>,
    pub(crate) moves: Vec<(Move, InstanceId, Cause)>,
    pub(crate) may_create: bool,
}

pub(crate) fn decide(fleet: &[Seen], answer: &Answer, limits: Limits) -> Decision {
    let settled = |seen: &&Seen| matches!(seen.status, Status::Idle | Status::Claimed);
    let settled = fleet.iter().filter(settled).count();
    let batch = match answer {
        Answer::None(reason) => return blind(fleet, reason.clone(), false),
        Answer::Batch(batch) if batch.is_empty() && settled > 0 => {
            let reason = format!("Services knows none of {settled} instances");
            return blind(fleet, reason, true);
        }
        Answer::Batch(batch) => batch,
    };
    let mut decision = Decision {
        may_create: true,
        ..Decision::default()
    };
    for seen in fleet {
        let report = batch.get(&seen.id);
        if let Some(InstanceReport {
            healthy: true, url, ..
        }) = report
        {
            decision.healthy.push((seen.id.clone(), url.clone()));
        }
        let health = health(seen, report);
        if let Some((step, cause)) = judge(seen, health, limits.stuck_after) {
            decision.moves.push((step, seen.id.clone(), cause));
        }
    }
    doubt(&mut decision, settled, limits.max_vanished_percent);
    decision
}

/// Without an answer, only what does not depend on it.
fn blind(fleet: &[Seen], reason: String, may_create: bool) -> Decision {
    let expired = |seen: &&Seen| seen.status == Status::Claiming && seen.lease == Lease::Expired;
    let moves = fleet.iter().filter(expired);
    Decision {
        unobserved: Some(reason),
        healthy: Vec::new(),
        moves: moves
            .map(|seen| (Move::CONDEMN_CLAIMING, seen.id.clone(), Cause::LeaseExpired))
            .collect(),
        may_create,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// Healthy, and it is known where.
    Healthy,
    Silent,
    Dead,
}

fn health(seen: &Seen, report: Option<&InstanceReport>) -> Health {
    let young = seen.age < LISTED_WITHIN;
    match report {
        Some(report) if report.healthy => {
            if seen.has_url || report.url.is_some() {
                Health::Healthy
            } else {
                Health::Silent
            }
        }
        Some(InstanceReport {
            status: Some(DeployStatus::Missing),
            ..
        })
        | None
            if young =>
        {
            Health::Silent
        }
        Some(InstanceReport {
            status: Some(status),
            ..
        }) if status.is_dead() => Health::Dead,
        Some(_) => Health::Silent,
        None => Health::Dead,
    }
}

fn judge(seen: &Seen, health: Health, stuck_after: Duration) -> Option<(Move, Cause)> {
    let gone = match health {
        Health::Healthy => None,
        _ if seen.silent_for > stuck_after => Some(Cause::Unreachable),
        Health::Dead => Some(Cause::DeploymentDead),
        Health::Silent => None,
    };
    match (seen.status, seen.lease) {
        (Status::Starting, _) if health == Health::Healthy => {
            Some((Move::BECOME_IDLE, Cause::Healthy))
        }
        // Its creation is under way: nothing that is said about it is the last word.
        (Status::Starting, Lease::Held) => None,
        (Status::Starting, Lease::Expired) => Some((Move::CONDEMN_STARTING, Cause::LeaseExpired)),
        (Status::Starting, Lease::Nobody) => gone.map(|cause| (Move::CONDEMN_STARTING, cause)),
        (Status::Idle, _) => gone.map(|cause| (Move::CONDEMN_IDLE, cause)),
        (Status::Claimed, _) => gone.map(|cause| (Move::CRASH, cause)),
        (Status::Claiming, Lease::Expired) => Some((Move::CONDEMN_CLAIMING, Cause::LeaseExpired)),
        (Status::Claiming | Status::Crashed | Status::Destroying, _) => None,
    }
}

/// Drops the deaths of idle and claimed instances where they are too many at once.
fn doubt(decision: &mut Decision, settled: usize, max_percent: u32) {
    let vanished = |(step, _, cause): &(Move, InstanceId, Cause)| {
        *cause == Cause::DeploymentDead && *step != Move::CONDEMN_STARTING
    };
    let count = decision
        .moves
        .iter()
        .filter(|decided| vanished(decided))
        .count();
    let share = count as u64 * 100 > settled as u64 * u64::from(max_percent);
    if count >= FEWEST_VANISHED && share {
        decision.moves.retain(|decided| !vanished(decided));
        decision.unobserved = Some(format!(
            "{count} of {settled} instances are reported dead at once, more than \
             POOL_MAX_VANISHED_PERCENT ({max_percent}): look at the infra, or raise it"
        ));
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::wire::services::StatusBatch;

    use super::*;

    const LIMITS: Limits = Limits {
        stuck_after: Duration::from_mins(15),
        max_vanished_percent: 50,
    };

    fn seen(status: Status, lease: Lease, age: Duration, silent_for: Duration) -> Seen {
        let id = InstanceId::generate();
        Seen {
            id,
            status,
            has_url: lease == Lease::Nobody,
            age,
            silent_for,
            lease,
        }
    }

    fn report(healthy: bool, status: DeployStatus) -> InstanceReport {
        InstanceReport {
            status: Some(status),
            healthy,
            url: None,
            image: None,
        }
    }

    fn alone(seen: &Seen, report: Option<InstanceReport>) -> Option<(Move, Cause)> {
        // A second instance, so that the answer is not empty.
        let mut batch = StatusBatch::from([(InstanceId::generate(), report_of_another())]);
        batch.extend(report.map(|report| (seen.id.clone(), report)));
        let decision = decide(std::slice::from_ref(seen), &Answer::Batch(batch), LIMITS);
        assert_eq!(decision.unobserved, None);
        decision
            .moves
            .first()
            .map(|(step, _, cause)| (*step, *cause))
    }

    fn report_of_another() -> InstanceReport {
        report(true, DeployStatus::Success)
    }

    #[test]
    fn each_instance_is_judged_by_health_deployment_age_and_lease() {
        use DeployStatus::{Crashed, Deploying, Missing, Success};
        use Lease::{Expired, Held, Nobody};
        use Status::{Claimed, Claiming, Idle, Starting};
        let (young, old) = (Duration::from_secs(9), Duration::from_hours(1));
        let dead = |step| Some((step, Cause::DeploymentDead));
        let silent = |step| Some((step, Cause::Unreachable));
        let late = |step| Some((step, Cause::LeaseExpired));
        let (condemn_starting, condemn_idle) = (Move::CONDEMN_STARTING, Move::CONDEMN_IDLE);
        let idle = Some((Move::BECOME_IDLE, Cause::Healthy));
        #[rustfmt::skip]
        let table = [
            (Starting, Nobody,  old,   old,   Some((true, Crashed)),    idle),
            (Starting, Held,    young, young, Some((true, Success)),    None),
            (Starting, Nobody,  young, young, Some((false, Deploying)), None),
            (Starting, Nobody,  young, young, Some((false, Crashed)),   dead(condemn_starting)),
            (Starting, Nobody,  old,   old,   Some((false, Deploying)), silent(condemn_starting)),
            (Starting, Held,    old,   old,   Some((false, Crashed)),   None),
            (Starting, Expired, young, young, None,                     late(condemn_starting)),
            (Idle,     Nobody,  old,   old,   Some((true, Crashed)),    None),
            (Idle,     Nobody,  old,   young, Some((false, Crashed)),   dead(condemn_idle)),
            (Idle,     Nobody,  young, young, Some((false, Missing)),   None),
            (Idle,     Nobody,  old,   young, Some((false, Missing)),   dead(condemn_idle)),
            (Idle,     Nobody,  young, young, None,                     None),
            (Idle,     Nobody,  old,   young, None,                     dead(condemn_idle)),
            (Idle,     Nobody,  old,   old,   Some((false, Success)),   silent(condemn_idle)),
            (Claimed,  Nobody,  old,   young, Some((false, Success)),   None),
            (Claimed,  Nobody,  old,   young, Some((false, Crashed)),   dead(Move::CRASH)),
            (Claimed,  Nobody,  old,   old,   Some((false, Success)),   silent(Move::CRASH)),
            (Claiming, Held,    old,   old,   None,                     None),
            (Claiming, Expired, old,   young, None,                     late(Move::CONDEMN_CLAIMING)),
        ];
        for (index, (status, lease, age, silent_for, said, expected)) in
            table.into_iter().enumerate()
        {
            let seen = seen(status, lease, age, silent_for);
            let said = said.map(|(healthy, deploy)| report(healthy, deploy));
            assert_eq!(alone(&seen, said), expected, "row {index}: {seen:?}");
        }
    }

    #[test]
    fn without_an_answer_only_a_claims_lease_expires() {
        let (young, old) = (Duration::ZERO, Duration::from_hours(9));
        let fleet = [
            seen(Status::Claiming, Lease::Expired, old, old),
            seen(Status::Starting, Lease::Expired, old, old),
            seen(Status::Idle, Lease::Nobody, old, old),
            seen(Status::Claimed, Lease::Nobody, young, old),
        ];
        for (answer, may_create) in [
            (Answer::None("down".to_owned()), false),
            (Answer::Batch(StatusBatch::new()), true),
        ] {
            let decision = decide(&fleet, &answer, LIMITS);
            let only = (
                Move::CONDEMN_CLAIMING,
                fleet[0].id.clone(),
                Cause::LeaseExpired,
            );
            assert_eq!(decision.moves, [only]);
            assert!(decision.unobserved.is_some());
            assert_eq!(decision.may_create, may_create);
        }
    }

    #[test]
    fn too_many_deaths_at_once_are_not_believed() {
        let hour = Duration::from_hours(1);
        for (fleet, dead, believed) in [(2, 2, true), (6, 3, true), (5, 3, false), (3, 3, false)] {
            let fleet: Vec<Seen> = (0..fleet)
                .map(|_| seen(Status::Idle, Lease::Nobody, hour, Duration::ZERO))
                .collect();
            let batch = fleet.iter().enumerate().map(|(index, seen)| {
                let of = if index < dead {
                    DeployStatus::Removed
                } else {
                    DeployStatus::Success
                };
                (seen.id.clone(), report(index >= dead, of))
            });
            let decision = decide(&fleet, &Answer::Batch(batch.collect()), LIMITS);
            assert_eq!(decision.moves.len(), if believed { dead } else { 0 });
            assert_eq!(decision.unobserved.is_none(), believed);
        }
    }
}
