//! What a tick is going to do.

use std::time::Duration;

use agent_pool_core::InstanceId;

use crate::db::rollouts::RunsNote;
use crate::db::views::HealthyInstance;
use crate::lifecycle::{Cause, Move};

/// Everything that follows from one look at the fleet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Why the observation was not, or not wholly, believed.
    pub(crate) unobserved: Option<String>,
    /// Healthy instances of which something else has to be written too.
    pub(crate) healthy: Vec<HealthyInstance>,
    /// Healthy instances of which only the note is old.
    pub(crate) still_healthy: Vec<InstanceId>,
    /// Instances that no one works on and whose health check failed for the first time.
    pub(crate) silent: Vec<InstanceId>,
    pub(crate) moves: Vec<PlannedMove>,
    /// Instances that Services has and that have no row.
    pub(crate) strays: Vec<InstanceId>,
    /// Whether this look counts as having watched the fleet.
    pub(crate) watched: bool,
    /// Planned deaths that count as failed creations.
    pub(crate) failed_creations: Vec<FailedCreation>,
    /// Instances that are made from or run something else than is on record.
    pub(crate) runs: Vec<RunsNote>,
}

impl Decision {
    /// Whether anything is to be written, besides how the fleet was seen.
    pub(crate) const fn writes(&self) -> bool {
        let Self {
            unobserved: _,
            healthy,
            still_healthy,
            silent,
            moves,
            strays,
            watched: _,
            // They are among the moves.
            failed_creations: _,
            runs,
        } = self;
        !(healthy.is_empty()
            && still_healthy.is_empty()
            && silent.is_empty()
            && moves.is_empty()
            && strays.is_empty()
            && runs.is_empty())
    }
}

/// One move that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedMove {
    pub(crate) step: Move,
    pub(crate) id: InstanceId,
    pub(crate) cause: Cause,
}

/// An instance that was created and did not work.
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
