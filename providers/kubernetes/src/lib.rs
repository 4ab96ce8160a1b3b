#![doc = include_str!("../README.md")]

mod access;
mod cluster;
mod connection;
mod fault;
mod infra;
mod instance;
mod kind;
mod listed;
mod logs;
mod names;
mod network;
mod pages;
mod parts;
mod peers;
mod reference;
mod settings;
mod state;
mod variables;
mod workload;

use agent_pool_core::registry::InfraRegistration;

pub use infra::Kubernetes;

inventory::submit! {
    InfraRegistration {
        id: "kubernetes",
        name: "Kubernetes",
        crate_name: env!("CARGO_PKG_NAME"),
        settings: Kubernetes::settings,
        build: Kubernetes::build,
    }
}
