#![doc = include_str!("../README.md")]

mod client;
mod error;
mod model;
mod order;
mod profile;
mod provider;
mod settings;

use agent_pool_core::registry::ToolRegistration;

pub use provider::Telnyx;

inventory::submit! {
    ToolRegistration {
        id: "telnyx",
        name: "Telnyx",
        mode: "per-instance-phone",
        env_keys: &["TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"],
        crate_name: env!("CARGO_PKG_NAME"),
        settings: Telnyx::settings,
        build: Telnyx::build,
    }
}
