#![doc = include_str!("../README.md")]

mod campaign;
mod country;
mod kept;
mod order;
mod profile;
mod settings;
mod shared;
mod tool;
mod wire;

use agent_pool_core::prelude::*;

pub use settings::Telnyx;

inventory::submit! { ToolRegistration::for_tool::<Telnyx>(env!("CARGO_PKG_NAME")) }
