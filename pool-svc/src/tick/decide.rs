//! Decides what follows from an observation of the fleet. A pure function: the rows carry their ages.
//!
//! - **Healthy wins** over any deploy status: a listing may lag, a health check does not.
//! - If Services did not answer, or lists none of our instances, nothing is decided from that. Leases of
//!   claims still expire, because they do not depend on it.
//! - Unreachable time counts from the first tick that found an instance unhealthy, and only as far back as the fleet
//!   was watched without a gap: a pool that was stopped for an hour has observed nothing.
//! - If one tick would treat more of the fleet as dead than allowed, it treats none as dead (see [`doubt`]).

use std::collections::HashMap;
use std::time::Duration;

use agent_pool_core::wire::pool::{Runs, Status};
use agent_pool_core::wire::services::InstanceReport;
use agent_pool_core::{DeployStatus, InstanceId};

use super::decision::{Decision, DeploymentFailure, FailedCreation, PlannedMove};
use super::doubt::doubt;
use super::observe::Observation;
use crate::db::fleet::{FleetRow, Lease};
use crate::db::rollouts::RunsNote;
use crate::db::views::HealthyInstance;
use crate::lifecycle::{Cause, Move};

/// An instance younger than this that is not listed is not dead: vendors' listings lag.
const LISTED_WITHIN: Duration = Duration::from_mins(5);

/// An idle instance that dies younger than this counts as a failed deployment.
pub(crate) const PROVEN_AFTER: Duration = Duration::from_mins(10);

/// The bounds of a decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) stuck_after: Duration,
    pub(crate) max_vanished_percent: u32,
    /// How often the stored time of the last healthy check is renewed.
    pub(crate) renote_after: Duration,
}

pub(super) fn decide(fleet: &[FleetRow], observation: Observation, limits: Limits) -> Decision {
    let answer = match observation {
        Observation::Answer(answer) => answer,
        Observation::Unavailable(reason) => return blind(fleet, reason),
    };
    let mut survey = Survey::new(fleet, limits);
    match answer.for_each(|id, report| survey.add(id, &report)) {
        Ok(()) => survey.finish(),
        Err(error) => blind(fleet, error.to_string()),
    }
}

/// What an answer says about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    Absent,
    /// It has a report, but no deployment.
    Missing,
    Listed,
}

/// The rows, compared with the reports one by one, so that no report is kept.
struct Survey<'a> {
    fleet: &'a [FleetRow],
    limits: Limits,
    places: HashMap<&'a InstanceId, usize>,
    /// By place.
    listings: Vec<Listing>,
    decision: Decision,
}

impl<'a> Survey<'a> {
    fn new(fleet: &'a [FleetRow], limits: Limits) -> Self {
        let places = fleet.iter().enumerate();
        Self {
            fleet,
            limits,
            places: places.map(|(place, row)| (&row.id, place)).collect(),
            listings: vec![Listing::Absent; fleet.len()],
            decision: Decision {
                watched: true,
                ..Decision::default()
            },
        }
    }

    fn add(&mut self, id: InstanceId, report: &InstanceReport) {
        let Some(&place) = self.places.get(&id) else {
            self.decision.strays.push(id);
            return;
        };
        if self.listings[place] != Listing::Absent {
            // An answer that has an instance twice.
            return;
        }
        self.listings[place] = if report.status == Some(DeployStatus::Missing) {
            Listing::Missing
        } else {
            Listing::Listed
        };
        let (row, decision) = (&self.fleet[place], &mut self.decision);
        note(row, report, self.limits.renote_after, decision);
        decision.runs.extend(note_runs(row, report));
        if let (Status::Claimed, Some(time)) = (row.status, report.last_activity) {
            decision.activity.push((row.id.clone(), time));
        }
        let health = health(row, Some(report));
        let silent = matches!(health, Health::Silent | Health::Dead) && !row.silent;
        if silent && row.lease == Lease::Nobody {
            decision.silent.push(row.id.clone());
        }
        self.plan(row, Some(report), health);
    }

    fn plan(&mut self, row: &FleetRow, report: Option<&InstanceReport>, health: Health) {
        if let Some((step, cause)) = judge(row, health, self.limits.stuck_after) {
            let failed = failed_creation(row, report, step, cause);
            self.decision.failed_creations.extend(failed);
            let id = row.id.clone();
            self.decision.moves.push(PlannedMove { step, id, cause });
        }
    }

    /// The decision, after the last report.
    fn finish(mut self) -> Decision {
        let is_settled = |row: &&FleetRow| matches!(row.status, Status::Idle | Status::Claimed);
        let settled = self.fleet.iter().filter(is_settled).count();
        if settled > 0 && self.lists_none() {
            let reason = format!("Services lists none of {settled} instances");
            return blind(self.fleet, reason);
        }
        for (place, row) in self.fleet.iter().enumerate() {
            if self.listings[place] == Listing::Absent {
                self.plan(row, None, health(row, None));
            }
        }
        let (places, listings) = (&self.places, &self.listings);
        let is_listed = |id: &InstanceId| {
            let place = places.get(id);
            place.is_some_and(|place| listings[*place] == Listing::Listed)
        };
        let max_percent = self.limits.max_vanished_percent;
        doubt(&mut self.decision, is_listed, settled, max_percent);
        self.decision
    }

    /// Whether the answer contains none of the instances that may be alive.
    fn lists_none(&self) -> bool {
        let reported = |(_, listing): &(_, &Listing)| **listing != Listing::Absent;
        let mut reported = self.fleet.iter().zip(&self.listings).filter(reported);
        !reported.any(|(row, _)| {
            matches!(
                row.status,
                Status::Starting | Status::Idle | Status::Claimed
            )
        })
    }
}

/// The change of the stored `runs` of an instance, if there is one. Members that are absent from a report keep their
/// stored value: an instance that does not answer does not report its version.
fn note_runs(row: &FleetRow, report: &InstanceReport) -> Option<RunsNote> {
    let unknown = Runs::default();
    let known = row.runs.as_deref().unwrap_or(&unknown);
    let members = [
        (&report.image, &known.image),
        (&report.image_digest, &known.image_digest),
        (&report.version, &known.version),
    ];
    let is_new = members
        .iter()
        .any(|(said, known)| said.is_some() && said != known);
    let made_from = report.made_from.as_ref();
    let is_remade = made_from.is_some() && made_from != row.made_from.as_deref();
    if !is_new && !is_remade {
        return None;
    }
    let [image, image_digest, version] =
        members.map(|(said, known)| said.as_ref().or(known.as_ref()).cloned());
    Some(RunsNote {
        id: row.id.clone(),
        made_from: made_from.cloned(),
        runs: Runs {
            image,
            image_digest,
            version,
        },
    })
}

/// Plans to store that a row is healthy, if that changes anything or the stored time is old. Most ticks leave most rows
/// unchanged.
fn note(row: &FleetRow, report: &InstanceReport, renote_after: Duration, decision: &mut Decision) {
    if !report.healthy {
        return;
    }
    let url = &report.url;
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

/// Whether a death counts as a failed deployment: the instance never became ready, or only for a short time.
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

/// The decision without a trustworthy answer of Services: only what does not depend on it.
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
    /// It answers but refuses our key: nothing else is known.
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
        // Before the deploy status, like a healthy answer: a listing may lag, an answer does not.
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
        // Its creation is in progress, or another replica is about to take it over. Only the creation receives the key
        // of the runtime, which it stores with the URL; without the key no claim could use the instance.
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
