#![doc = include_str!("../README.md")]

mod buy;
mod tool;
mod wire;

use agent_pool_core::prelude::*;

pub use tool::Telnyx;

inventory::submit! { ToolRegistration::of::<Telnyx>(env!("CARGO_PKG_NAME")) }
