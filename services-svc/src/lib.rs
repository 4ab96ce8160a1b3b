#![doc = include_str!("../README.md")]

mod app;
mod cipher;
mod config;
mod db;
mod path_segment;
mod handlers;
mod ops;
mod problem;
mod routes;
mod run;
mod sealed_env;
mod providers;

pub use app::App;
pub use config::Config;
pub use db::MIGRATIONS;
pub use routes::{PATHS, routes};
pub use run::{run, serve, work_periodically};
