#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod context;
mod error;
mod id;
mod infra;
mod mark;
mod secret;
mod tool;

#[doc(hidden)]
pub mod doctest;
pub mod layer;
pub mod registry;
pub mod settings;
pub mod wire;

pub use context::Context;
pub use error::{Effect, ErrorKind, ProviderError, chain};
pub use id::{InfraId, InstanceId, ParseIdError, ResourceId, ServiceId, ToolId};
pub use infra::{
    CreatedInfra, DeployStatus, InfraCapabilities, InfraHandle, InfraProvider, InstanceSpec,
    ListedInstance, LogLine, Redeploy,
};
pub use mark::{EnvironmentName, Mark, ParseEnvironmentError};
pub use secret::{EnvName, EnvVars, ParseEnvNameError, Secret};
pub use tool::{
    ListedResource, ProvisionedTool, ToolCapabilities, ToolOptions, ToolProvider, Usage,
};
