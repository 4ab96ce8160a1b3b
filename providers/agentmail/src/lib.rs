#![doc = include_str!("../README.md")]

mod tool;
mod wire;

use agent_pool_core::prelude::*;

pub use tool::AgentMail;

inventory::submit! { ToolRegistration::of::<AgentMail>(env!("CARGO_PKG_NAME")) }
