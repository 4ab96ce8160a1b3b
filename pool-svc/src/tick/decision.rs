//! What a tick is going to do.

use agent_pool_core::InstanceId;

use crate::db::views::HealthyInstance;
use crate::lifecycle::{Cause, Move};

/// Everything that follows from one look at the fleet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Why the observation was not, or not wholly, believed.
    pub(crate) unobserved: Option<String>,
    pub(crate) healthy: Vec<HealthyInstance>,
    /// Instances that no one works on and whose health check failed.
    pub(crate) silent: Vec<InstanceId>,
    pub(crate) moves: Vec<PlannedMove>,
    /// Instances that Services has and that have no row.
    pub(crate) strays: Vec<InstanceId>,
    /// Whether this look counts as having watched the fleet.
    pub(crate) watched: bool,
    pub(crate) may_create: bool,
}

/// One move that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedMove {
    pub(crate) step: Move,
    pub(crate) id: InstanceId,
    pub(crate) cause: Cause,
}
