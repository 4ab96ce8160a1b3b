//! What follows from a look at the fleet. A pure function: the rows carry their ages.
//!
//! - **Healthy wins** over any deploy status: a listing may lag, a health check does not.
//! - If Services did not answer, or lists none of our instances, nothing is decided from that. Leases of
//!   claims still expire, because they do not depend on it.
//! - Silence counts from the first look that found an instance unhealthy, and only as far back as the
//!   fleet was watched without a gap: a pool that was stopped for an hour has seen nothing.
//! - If one look would take more of the fleet for dead than allowed, it takes none (see [`doubt`]).

use std::collections::HashMap;
use std::time::Duration;

use agent_pool_core::wire::pool::{Runs, Status};
use agent_pool_core::wire::services::{InstanceReport, StatusBatch};
use agent_pool_core::{DeployStatus, InstanceId};

use super::decision::{Decision, DeploymentFailure, FailedCreation, PlannedMove};
use super::doubt::doubt;
use super::observe::Observation;
use crate::db::rollouts::RunsNote;
use crate::db::views::{FleetRow, HealthyInstance, Lease};
use crate::lifecycle::{Cause, Move};

/// An instance younger than this that is not listed is not dead: vendors' listings lag.
const LISTED_WITHIN: Duration = Duration::from_mins(5);

/// An idle instance that dies younger than this was not deployed well.
pub(crate) const PROVEN_AFTER: Duration = Duration::from_mins(10);

/// The bounds of a decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) stuck_after: Duration,
    pub(crate) max_vanished_percent: u32,
    /// After how long the note that an instance is healthy is renewed.
    pub(crate) renote_after: Duration,
}

pub(crate) fn decide(fleet: &[FleetRow], observation: &Observation, limits: Limits) -> Decision {
    let settled = |row: &&FleetRow| matches!(row.status, Status::Idle | Status::Claimed);
    let settled = fleet.iter().filter(settled).count();
    let batch = match observation {
        Observation::Unavailable(reason) => return blind(fleet, reason.clone()),
        Observation::Batch(batch) => batch,
    };
    let Paired { reports, strays } = pair(fleet, batch);
    if settled > 0 && lists_none(&reports, fleet) {
        let reason = format!("Services lists none of {settled} instances");
        return blind(fleet, reason);
    }
    let mut decision = Decision {
        strays,
        watched: true,
        ..Decision::default()
    };
    for (row, report) in fleet.iter().zip(reports) {
        note(row, report, limits.renote_after, &mut decision);
        decision
            .runs
            .extend(report.and_then(|report| note_runs(row, report)));
        let health = health(row, report);
        let silent = matches!(health, Health::Silent | Health::Dead) && !row.silent;
        if report.is_some() && silent && row.lease == Lease::Nobody {
            decision.silent.push(row.id.clone());
        }
        if let Some((step, cause)) = judge(row, health, limits.stuck_after) {
            let failed = failed_creation(row, report, step, cause);
            decision.failed_creations.extend(failed);
            let id = row.id.clone();
            decision.moves.push(PlannedMove { step, id, cause });
        }
    }
    doubt(&mut decision, batch, settled, limits.max_vanished_percent);
    decision
}

/// What a row is to say of what its instance runs, if that is not what it says. What a report leaves out stays: an
/// instance that does not answer does not tell its version.
fn note_runs(row: &FleetRow, report: &InstanceReport) -> Option<RunsNote> {
    let known = row.runs.clone().unwrap_or_default();
    let runs = Runs {
        image: report.image.clone().or(known.image),
        image_digest: report.image_digest.clone().or(known.image_digest),
        version: report.version.clone().or(known.version),
    };
    let is_new = row
        .runs
        .as_ref()
        .map_or(runs != Runs::default(), |known| *known != runs);
    let made_from = report.made_from.clone();
    let is_remade = made_from.is_some() && made_from != row.made_from;
    (is_new || is_remade).then(|| RunsNote {
        id: row.id.clone(),
        made_from,
        runs,
    })
}

/// Rows and reports brought together.
struct Paired<'a> {
    /// What is said of each row, in the order of the rows.
    reports: Vec<Option<&'a InstanceReport>>,
    /// Of which no row is.
    strays: Vec<InstanceId>,
}

fn pair<'a>(fleet: &[FleetRow], batch: &'a StatusBatch) -> Paired<'a> {
    let places = fleet.iter().enumerate();
    let places: HashMap<&InstanceId, usize> = places.map(|(place, row)| (&row.id, place)).collect();
    let mut paired = Paired {
        reports: vec![None; fleet.len()],
        strays: Vec::new(),
    };
    for (id, report) in batch {
        match places.get(id) {
            Some(&place) => paired.reports[place] = Some(report),
            None => paired.strays.push(id.clone()),
        }
    }
    paired
}

/// Has it written that a row is healthy, if that changes anything or the last note is old. Most rows of
/// most ticks are left alone.
fn note(
    row: &FleetRow,
    report: Option<&InstanceReport>,
    renote_after: Duration,
    decision: &mut Decision,
) {
    let Some(InstanceReport {
        healthy: true, url, ..
    }) = report
    else {
        return;
    };
    let elsewhere = url
        .as_ref()
        .is_some_and(|url| row.url.as_deref() != Some(url.as_str()));
    if row.status == Status::Starting && row.url.is_none() {
        return;
    }
    if row.status == Status::Starting || row.silent || elsewhere {
        let (id, url) = (row.id.clone(), url.clone());
        decision.healthy.push(HealthyInstance { id, url });
    } else if row.noted_before > renote_after {
        decision.still_healthy.push(row.id.clone());
    }
}

/// Whether a death says that deployments fail: the instance never became ready, or not for long.
fn failed_creation(
    row: &FleetRow,
    report: Option<&InstanceReport>,
    step: Move,
    cause: Cause,
) -> Option<FailedCreation> {
    let failure = match step {
        Move::CONDEMN_STARTING => DeploymentFailure::NeverReady,
        Move::CONDEMN_IDLE if row.age < PROVEN_AFTER => DeploymentFailure::DiedEarly,
        _ => return None,
    };
    Some(FailedCreation {
        id: row.id.clone(),
        age: row.age,
        failure,
        cause,
        detail: report.and_then(|report| report.detail.clone()),
    })
}

/// Whether none of the instances that may be alive is listed.
fn lists_none(reports: &[Option<&InstanceReport>], fleet: &[FleetRow]) -> bool {
    let mut listed = fleet.iter().zip(reports).filter(|(_, one)| one.is_some());
    !listed.any(|(row, _)| {
        matches!(
            row.status,
            Status::Starting | Status::Idle | Status::Claimed
        )
    })
}

/// The decision if Services is not believed: only what does not depend on it.
fn blind(fleet: &[FleetRow], reason: String) -> Decision {
    let expired = |row: &&FleetRow| row.status == Status::Claiming && row.lease == Lease::Expired;
    let moves = fleet.iter().filter(expired);
    Decision {
        unobserved: Some(reason),
        moves: moves
            .map(|row| PlannedMove {
                step: Move::CONDEMN_CLAIMING,
                id: row.id.clone(),
                cause: expiry(row),
            })
            .collect(),
        ..Decision::default()
    }
}

/// Why the lease of a claim has ended.
const fn expiry(row: &FleetRow) -> Cause {
    if row.pending {
        Cause::NotAccepted
    } else {
        Cause::LeaseExpired
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// It answered, and its URL is known.
    Healthy,
    Silent,
    Dead,
    /// It answers, and refuses our key: nothing else is known.
    KeyRefused,
}

fn health(row: &FleetRow, report: Option<&InstanceReport>) -> Health {
    let young = row.age < LISTED_WITHIN;
    match report {
        Some(report) if report.healthy => {
            if row.url.is_some() || report.url.is_some() {
                Health::Healthy
            } else {
                Health::Silent
            }
        }
        // Before the deploy status, as a healthy answer is: a listing may lag, an answer does not.
        Some(InstanceReport {
            key_refused: true, ..
        }) => Health::KeyRefused,
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

fn judge(row: &FleetRow, health: Health, stuck_after: Duration) -> Option<(Move, Cause)> {
    let gone = match health {
        Health::Healthy | Health::KeyRefused => None,
        _ if row.silent_for > stuck_after => Some(Cause::Unreachable),
        Health::Dead => Some(Cause::DeploymentDead),
        Health::Silent => None,
    };
    match (row.status, row.lease) {
        // Its creation is under way, or another replica is about to take it over. Only a creation learns the
        // key of the runtime, which it stores with the URL; without it no claim could use the instance.
        (Status::Starting, _) if row.url.is_none() => None,
        (Status::Starting, _) if health == Health::Healthy => {
            Some((Move::BECOME_IDLE, Cause::Healthy))
        }
        (Status::Starting, _) => gone.map(|cause| (Move::CONDEMN_STARTING, cause)),
        (Status::Idle, _) => gone.map(|cause| (Move::CONDEMN_IDLE, cause)),
        (Status::Claimed, _) => gone.map(|cause| (Move::CRASH, cause)),
        (Status::Claiming, Lease::Expired) => Some((Move::CONDEMN_CLAIMING, expiry(row))),
        (Status::Claiming | Status::Crashed | Status::Destroying, _) => None,
    }
}

#[cfg(test)]
mod tests;
