#![doc = include_str!("../README.md")]

mod app;
mod backoff;
mod claim;
mod config;
mod dashboard;
mod db;
mod destruction;
mod drain;
mod handlers;
mod lifecycle;
mod problem;
mod routes;
mod run;
mod settle;
mod templates;
mod tick;
mod tools;
mod warm_up;

pub use app::App;
pub use config::{Config, PoolSettings};
pub use routes::{PATHS, routes};
pub use run::run;
pub use templates::Catalogue;
pub use tools::Tools;

/// The schema's history, for who runs this service on a database of its own making.
pub use db::MIGRATIONS;
