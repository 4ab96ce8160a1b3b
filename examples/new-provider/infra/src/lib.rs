#![doc = include_str!("../README.md")]

mod infra;
mod settings;
mod wire;

use agent_pool_core::prelude::*;
use agent_pool_core::registry::InfraRegistration;

pub use infra::Acme;

inventory::submit! {
    InfraRegistration {
        id: "acme",
        name: "Acme",
        crate_name: env!("CARGO_PKG_NAME"),
        settings: Acme::describe,
        build: Acme::build,
    }
}
