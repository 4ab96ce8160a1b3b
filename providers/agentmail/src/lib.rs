#![doc = include_str!("../README.md")]

mod client;
mod error;
mod model;
mod provider;
mod settings;

use agent_pool_core::registry::ToolRegistration;

pub use provider::AgentMail;

inventory::submit! {
    ToolRegistration {
        id: "agentmail",
        name: "AgentMail",
        mode: "per-instance-inbox",
        env_keys: &["AGENTMAIL_INBOX_ID", "AGENTMAIL_API_KEY"],
        crate_name: env!("CARGO_PKG_NAME"),
        settings: AgentMail::settings,
        build: AgentMail::build,
    }
}
