//! Why an instance was not created.

use std::collections::BTreeMap;
use std::fmt;

use agent_pool_core::{EnvironmentName, InfraId, InstanceId, Price, ToolId};
use agent_pool_service_kit::db::DbError;

use crate::ops::precondition::PreconditionError;
use crate::ops::recipe::RecipeError;
use crate::ops::step_error::StepError;
use crate::ops::tear_down::Undo;

/// The steps of a creation. The middle two run concurrently, and each tool independently of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CreateStep {
    /// Rows for everything that is about to be made.
    Intend,
    /// Service, volume, address.
    CreateInfra,
    /// One tool.
    ProvisionTool,
    /// All variables, and the only deployment.
    Start,
}

impl CreateStep {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Intend => "intend",
            Self::CreateInfra => "create_infra",
            Self::ProvisionTool => "provision_tool",
            Self::Start => "start",
        }
    }
}

impl fmt::Display for CreateStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// The request cannot be fulfilled. Nothing was made.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The limit of instances is reached. Nothing was made.
    #[error("there are already {0} instances: SERVICES_MAX_INSTANCES allows no more")]
    InstanceLimit(u32),
    /// It was created before, without this tool.
    #[error("instance {instance} exists without {tool}: use POST /provision/{instance}/{tool}")]
    OtherTools { instance: InstanceId, tool: ToolId },
    /// Another deployment uses the environment at this infra. Nothing was made.
    #[error(
        "environment {environment} has {count} instances at {infra} that this database never knew: another \
         deployment uses the same account and environment name; set POOL_ENVIRONMENT to a name of its own in both \
         services, or destroy what that deployment left (it is in the report of POST /sweep) if it is gone"
    )]
    EnvironmentTaken {
        infra: InfraId,
        environment: EnvironmentName,
        count: usize,
    },
    /// A step failed.
    #[error("instance {instance} was not created; {undo}")]
    Failed {
        instance: InstanceId,
        #[source]
        failure: StepFailure,
        undo: Undo,
        /// The prices of resources that were made in vain.
        prices: BTreeMap<String, Price>,
    },
    /// The rows could not be read or written. Nothing was made.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for CreateError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[error("step {step} failed")]
pub(crate) struct StepFailure {
    pub(crate) step: CreateStep,
    #[source]
    pub(crate) cause: StepError,
}
