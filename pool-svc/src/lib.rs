#![doc = include_str!("../README.md")]

mod app;
mod background;
mod claim;
mod config;
mod dashboard;
mod db;
mod explain;
mod handlers;
mod held_leases;
mod lifecycle;
mod lists;
mod metrics;
mod openapi;
mod ops;
mod pool;
mod pools;
mod problem;
mod routes;
mod run;
mod runtime_keys;
mod sizing;
mod templates;
mod tick;
mod tools;
mod webhooks;

pub use app::App;
pub use config::{Config, PoolSettings};
pub use db::MIGRATIONS;
pub use db::claims::claim_statements;
pub use metrics::METRICS;
pub use openapi::openapi;
pub use pool::Pool;
pub use routes::{PATHS, routes};
pub use run::run;
pub use templates::Catalogue;
pub use tools::Tools;
