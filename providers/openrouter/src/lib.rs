#![doc = include_str!("../README.md")]

mod settings;
mod tool;
mod wire;

use agent_pool_core::prelude::*;

pub use settings::OpenRouter;

inventory::submit! { ToolRegistration::for_tool::<OpenRouter>(env!("CARGO_PKG_NAME")) }
