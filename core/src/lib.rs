#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod context;
mod error;
mod id;
mod infra;
mod mark;
mod panic;
mod secret;
mod tool;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "conformance")]
#[doc(hidden)]
pub mod doctest;
pub mod http;
pub mod layer;
pub mod prelude;
pub mod registry;
pub mod settings;
pub mod wire;

pub use context::Context;
pub use error::{Effect, ErrorKind, ProviderError, absent_is_done, chain};
pub use id::{InfraId, InstanceId, ParseIdError, ResourceId, ServiceId, ToolId};
pub use infra::{
    CreatedInfra, DeployStatus, InfraCapabilities, InfraHandle, InfraProvider, InstanceSpec,
    ListedInstance, LogLine, Redeploy,
};
pub use mark::{EnvironmentName, Mark, ParseEnvironmentError};
pub use secret::{EnvName, EnvVars, ParseEnvNameError, Secret};
pub use tool::{
    ListedResource, ProvisionedTool, ToolCapabilities, ToolOptions, ToolProvider, Usage,
    read_options,
};
