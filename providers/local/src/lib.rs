#![doc = include_str!("../README.md")]

mod error;
mod file;
mod folder;
mod infra;
mod launch;
mod open;
mod output;
mod ports;
mod process;
mod service;
mod settings;

use agent_pool_core::registry::InfraRegistration;

pub use infra::Local;
pub use open::stop_all;

inventory::submit! {
    InfraRegistration {
        id: "local",
        name: "This machine",
        crate_name: env!("CARGO_PKG_NAME"),
        settings: Local::settings,
        build: Local::build,
    }
}
