//! Why an instance was not created.

use std::fmt;

use agent_pool_core::registry::LookupError;
use agent_pool_core::{InstanceId, ToolId};
use agent_pool_service_kit::db::DbError;

use crate::ops::precondition::PreconditionError;
use crate::ops::requested_tools::UnavailableTool;
use crate::ops::step_error::StepError;
use crate::ops::tear_down::Undo;

/// The steps of a creation. The middle two run side by side, and each tool independently of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CreateStep {
    /// Rows for everything that is about to be made.
    Intend,
    /// Service, volume, address.
    CreateInfra,
    /// One tool.
    ProvisionTool,
    /// All variables, and the one deployment.
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
    /// A tool of the request is not available. Nothing was made.
    #[error(transparent)]
    Tool(#[from] UnavailableTool),
    /// The infra is not available. Nothing was made.
    #[error("the infra is not available")]
    Infra(#[source] LookupError),
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// It was created before, without this tool.
    #[error("instance {instance} exists without {tool}: use POST /provision/{instance}/{tool}")]
    OtherTools { instance: InstanceId, tool: ToolId },
    /// A step failed.
    #[error("instance {instance} was not created; {undo}")]
    Failed {
        instance: InstanceId,
        #[source]
        failure: StepFailure,
        undo: Undo,
    },
    /// The rows could not be read. Nothing was done.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A step that failed.
#[derive(Debug, thiserror::Error)]
#[error("step {step} failed")]
pub(crate) struct StepFailure {
    pub(crate) step: CreateStep,
    #[source]
    pub(crate) cause: StepError,
}
