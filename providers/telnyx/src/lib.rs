#![doc = include_str!("../README.md")]

mod country;
mod order;
mod profile;
mod settings;
mod tool;
mod wire;

use agent_pool_core::prelude::*;

pub use settings::Telnyx;

inventory::submit! { ToolRegistration::of::<Telnyx>(env!("CARGO_PKG_NAME")) }
