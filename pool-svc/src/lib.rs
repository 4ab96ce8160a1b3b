#![doc = include_str!("../README.md")]

mod app;
mod background;
mod claim;
mod config;
mod dashboard;
mod db;
mod handlers;
mod lifecycle;
mod ops;
mod pool;
mod problem;
mod routes;
mod run;
mod templates;
mod tick;
mod tools;

pub use app::App;
pub use config::{Config, PoolSettings};
pub use db::MIGRATIONS;
pub use pool::Pool;
pub use routes::{PATHS, routes};
pub use run::run;
pub use templates::Catalogue;
pub use tools::Tools;
