//! Railway: GraphQL over one endpoint, and services whose deployments take time and then run.

mod access;
mod create;
mod deploy;
mod deployment_status;
mod domains;
mod edge;
mod endpoint;
mod find;
mod message;
mod options;
mod page;
mod patch;
mod quota;
mod reference;
mod remove;
mod schema;
mod settings;
mod snapshot;
mod state;
mod webhook;

pub(crate) use deploy::ReadCount;
pub use deployment_status::DeploymentStatus;
pub use edge::RailwayEdge;
pub(crate) use endpoint::Railway;
pub use options::{RailwayOptions, RailwayTokens};
pub use snapshot::{
    RailwayDeployment, RailwayDomain, RailwayEnvironment, RailwayInstance, RailwayProject,
    RailwayService, RailwayState, RailwayVolume,
};

pub(crate) use state::State;
pub(crate) use webhook::Webhooks;

/// The GraphQL schema that the fake answers to, in SDL; a subset of the vendor's.
#[must_use]
pub fn railway_sdl() -> String {
    schema::build().sdl()
}
