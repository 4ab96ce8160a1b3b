#![doc = include_str!("../README.md")]

mod infra;
mod service;
mod settings;
mod tool;
mod vendor;

use agent_pool_core::registry::{InfraRegistration, ToolRegistration};

pub use infra::MockInfra;
pub use service::Service;
pub use settings::Settings;
pub use tool::{LLM, MAIL, MockTool, Product};
pub use vendor::Vendor;

inventory::submit! {
    ToolRegistration {
        id: "mock-llm",
        name: "Mock LLM key",
        mode: "per-instance-key",
        env_keys: &[LLM.env_key],
        crate_name: env!("CARGO_PKG_NAME"),
        settings: Settings::describe,
        build: |environment| MockTool::build(LLM, environment),
    }
}

inventory::submit! {
    ToolRegistration {
        id: "mock-mail",
        name: "Mock mailbox",
        mode: "per-instance-inbox",
        env_keys: &[MAIL.env_key],
        crate_name: env!("CARGO_PKG_NAME"),
        settings: Settings::describe,
        build: |environment| MockTool::build(MAIL, environment),
    }
}

inventory::submit! {
    InfraRegistration {
        id: "mock",
        name: "Mock infrastructure",
        crate_name: env!("CARGO_PKG_NAME"),
        settings: Settings::describe,
        build: MockInfra::build,
    }
}
