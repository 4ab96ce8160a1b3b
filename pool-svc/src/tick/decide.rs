//! What follows from a look at the fleet. Pure: the clock's readings are in the rows.
//!
//! - **Healthy wins** over any deploy status: a listing may lag, an answer does not.
//! - An answer that failed, or that knows nobody although somebody is there, decides nothing. Leases
//!   of claims still expire, because they do not depend on it. While Services does not answer,
//!   nothing is created either; it could not be.
//! - Silence counts from the first look that found an instance not healthy, and only as far back as
//!   the fleet was watched without a break: a pool that was stopped for an hour has seen nothing.
//! - Where more of the fleet than allowed would die of one look, nobody does (see [`doubt`]).

use std::collections::HashSet;
use std::time::Duration;

use agent_pool_core::wire::pool::Status;
use agent_pool_core::wire::services::{InstanceReport, StatusBatch};
use agent_pool_core::{DeployStatus, InstanceId};
use url::Url;

use super::doubt::doubt;
use super::observe::Answer;
use crate::db::views::{Lease, Seen};
use crate::lifecycle::{Cause, Move};

/// An instance made less than this ago that is not listed is not dead: vendors' listings lag.
const LISTED_WITHIN: Duration = Duration::from_mins(5);

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
    /// Whose health check failed, though nobody is at work on them.
    pub(crate) silent: Vec<InstanceId>,
    pub(crate) moves: Vec<Decided>,
    /// What Services has and there is no row of.
    pub(crate) strays: Vec<InstanceId>,
    /// Whether this look counts as having watched the fleet.
    pub(crate) watched: bool,
    pub(crate) may_create: bool,
}

/// One move that is to be made.
pub(crate) type Decided = (Move, InstanceId, Cause);

pub(crate) fn decide(fleet: &[Seen], answer: &Answer, limits: Limits) -> Decision {
    let settled = |seen: &&Seen| matches!(seen.status, Status::Idle | Status::Claimed);
    let settled = fleet.iter().filter(settled).count();
    let batch = match answer {
        Answer::None(reason) => return blind(fleet, reason.clone(), false),
        Answer::Batch(batch) if settled > 0 && knows_none(batch, fleet) => {
            let reason = format!("Services knows none of {settled} instances");
            return blind(fleet, reason, true);
        }
        Answer::Batch(batch) => batch,
    };
    let known: HashSet<_> = fleet.iter().map(|seen| &seen.id).collect();
    let strays = batch.keys().filter(|id| !known.contains(id)).cloned();
    let mut decision = Decision {
        strays: strays.collect(),
        watched: true,
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
        if report.is_some() && health != Health::Healthy && seen.lease == Lease::Nobody {
            decision.silent.push(seen.id.clone());
        }
        if let Some((step, cause)) = judge(seen, health, limits.stuck_after) {
            decision.moves.push((step, seen.id.clone(), cause));
        }
    }
    doubt(&mut decision, batch, settled, limits.max_vanished_percent);
    decision
}

/// Whether none of those that may live is listed, whatever else is.
fn knows_none(batch: &StatusBatch, fleet: &[Seen]) -> bool {
    let listed = |seen: &&Seen| batch.contains_key(&seen.id);
    !fleet.iter().filter(listed).any(|seen| {
        matches!(
            seen.status,
            Status::Starting | Status::Idle | Status::Claimed
        )
    })
}

/// Without an answer, only what does not depend on it.
fn blind(fleet: &[Seen], reason: String, may_create: bool) -> Decision {
    let expired = |seen: &&Seen| seen.status == Status::Claiming && seen.lease == Lease::Expired;
    let moves = fleet.iter().filter(expired);
    Decision {
        unobserved: Some(reason),
        moves: moves
            .map(|seen| (Move::CONDEMN_CLAIMING, seen.id.clone(), Cause::LeaseExpired))
            .collect(),
        may_create,
        ..Decision::default()
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

#[cfg(test)]
mod tests;
