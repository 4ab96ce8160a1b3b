//! The decision of a tick.

use std::time::Duration;

use agent_pool_core::InstanceId;
use chrono::{DateTime, Utc};

use crate::db::rollouts::RunsNote;
use crate::db::views::HealthyInstance;
use crate::lifecycle::{Cause, Move};

/// Everything that follows from one observation of the fleet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Why the observation was not, or not fully, trusted.
    pub(crate) unobserved: Option<String>,
    /// Healthy instances with other changes to store.
    pub(crate) healthy: Vec<HealthyInstance>,
    /// Healthy instances whose stored time is old.
    pub(crate) still_healthy: Vec<InstanceId>,
    /// Instances that no task works on and whose health check failed for the first time.
    pub(crate) silent: Vec<InstanceId>,
    pub(crate) moves: Vec<PlannedMove>,
    /// Instances at Services without a row.
    pub(crate) strays: Vec<InstanceId>,
    /// Whether this observation counts as watching the fleet.
    pub(crate) watched: bool,
    /// Planned deaths that count as failed creations.
    pub(crate) failed_creations: Vec<FailedCreation>,
    /// Instances that are made from, or run, something else than stored.
    pub(crate) runs: Vec<RunsNote>,
    /// When agents last did something, of those whose runtimes report it.
    pub(crate) activity: Vec<(InstanceId, DateTime<Utc>)>,
}

impl Decision {
    /// Whether anything is to be written besides the state of the observation.
    pub(crate) const fn writes(&self) -> bool {
        let Self {
            unobserved: _,
            healthy,
            still_healthy,
            silent,
            moves,
            strays,
            watched: _,
            // Failed creations are among the moves.
            failed_creations: _,
            runs,
            activity: _,
        } = self;
        !(healthy.is_empty()
            && still_healthy.is_empty()
            && silent.is_empty()
            && moves.is_empty()
            && strays.is_empty()
            && runs.is_empty())
    }
}

/// One planned move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedMove {
    pub(crate) step: Move,
    pub(crate) id: InstanceId,
    pub(crate) cause: Cause,
}

/// An instance whose deployment failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedCreation {
    pub(crate) id: InstanceId,
    pub(crate) age: Duration,
    pub(crate) failure: DeploymentFailure,
    pub(crate) cause: Cause,
    /// Why, in the infra's words.
    pub(crate) detail: Option<String>,
}

/// How a deployment failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeploymentFailure {
    NeverReady,
    DiedEarly,
}
