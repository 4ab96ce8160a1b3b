#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "[D], [S], [U], [O] and [?] mark the source of a fact; they are not links"
)]

mod admin;
mod agentmail;
mod api;
mod cloud;
mod customer;
mod fault;
mod gate;
mod given;
mod http;
mod ids;
mod inner;
mod keys;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
mod launcher;
mod ledger;
mod openrouter;
mod options;
mod original;
mod pace;
mod railway;
mod rate;
mod sync;
mod telnyx;
mod time;
mod vendor;

pub use agentmail::{
    AfterDelete, AgentMailInbox, AgentMailKey, AgentMailOptions, AgentMailState, AgentMailWebhook,
};
pub use cloud::FakeCloud;
pub use fault::{Body, Effect, FaultRule, FieldFault, Phase, RetryAfter, Times};
pub use inner::CloudState;
pub use launcher::{BuiltinRuntime, Container, Launcher, Running};
pub use ledger::{Exchange, Unexpected};
pub use openrouter::{
    OpenRouterKey, OpenRouterOptions, OpenRouterState, OpenRouterWorkspace, WorkspaceList,
};
pub use options::{Latency, Options};
pub use original::{OriginalResources, OriginalShape};
pub use pace::Pace;
pub use railway::{
    DeploymentStatus, RailwayDeployment, RailwayDomain, RailwayEdge, RailwayEnvironment,
    RailwayInstance, RailwayOptions, RailwayProject, RailwayService, RailwayState, RailwayTokens,
    RailwayVolume, railway_sdl,
};
pub use rate::RateLimit;
pub use telnyx::{
    TelnyxAssignment, TelnyxLine, TelnyxNumber, TelnyxOptions, TelnyxOrder, TelnyxOrderStatus,
    TelnyxProfile, TelnyxState,
};
pub use vendor::{UnknownVendor, Vendor};
