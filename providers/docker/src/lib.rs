#![doc = include_str!("../README.md")]

mod container;
mod engine;
mod generations;
mod infra;
mod list;
mod logs;
mod names;
mod objects;
mod port;
mod settings;
mod why;

use agent_pool_core::registry::InfraRegistration;

pub use infra::Docker;

inventory::submit! {
    InfraRegistration {
        id: "docker",
        name: "Docker or Podman",
        crate_name: env!("CARGO_PKG_NAME"),
        settings: Docker::settings,
        build: Docker::build,
    }
}
