#![doc = include_str!("../README.md")]

mod commit;
mod commits;
mod create;
mod destroy;
mod domain;
mod error;
mod fleet;
mod graphql;
mod handle;
mod infra;
mod list;
mod mutations;
mod notice;
mod operations;
mod page;
mod patch;
mod placement;
mod queries;
mod settings;
mod wire;

#[cfg(test)]
mod contract;

inventory::submit! {
    agent_pool_core::registry::InfraRegistration {
        id: "railway",
        name: "Railway",
        crate_name: env!("CARGO_PKG_NAME"),
        settings: settings::RailwaySettings::describe,
        build: infra::Railway::build,
    }
}
