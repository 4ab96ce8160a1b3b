#![doc = include_str!("../README.md")]

mod settings;
mod tool;
mod wire;

use agent_pool_core::prelude::*;

pub use settings::AgentMail;

inventory::submit! { ToolRegistration::for_tool::<AgentMail>(env!("CARGO_PKG_NAME")) }
