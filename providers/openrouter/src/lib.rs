#![doc = include_str!("../README.md")]

mod client;
mod error;
mod model;
mod provider;
mod settings;

use agent_pool_core::registry::ToolRegistration;

pub use provider::OpenRouter;

inventory::submit! {
    ToolRegistration {
        id: "openrouter",
        name: "OpenRouter",
        mode: "per-instance-key",
        env_keys: &["OPENROUTER_API_KEY"],
        crate_name: env!("CARGO_PKG_NAME"),
        settings: OpenRouter::settings,
        build: OpenRouter::build,
    }
}
