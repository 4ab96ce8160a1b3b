#![doc = include_str!("../README.md")]

mod access;
mod app;
mod config;
mod db;
mod failing;
mod handlers;
mod metrics;
mod notices;
mod openapi;
mod ops;
mod path_segment;
mod problem;
mod providers;
mod routes;
mod run;
mod runtime_key;
mod sealed_env;

pub use app::App;
pub use config::Config;
pub use db::MIGRATIONS;
pub use metrics::METRICS;
pub use openapi::openapi;
pub use routes::{PATHS, routes};
pub use run::{main, serve};
