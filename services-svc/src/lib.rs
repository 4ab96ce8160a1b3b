#![doc = include_str!("../README.md")]

mod app;
mod cipher;
mod config;
mod db;
mod decoded;
mod handlers;
mod ops;
mod problem;
mod routes;
mod run;
mod sealed_env;
mod vendors;

pub use app::App;
pub use config::Config;
pub use db::MIGRATIONS;
pub use routes::{TEMPLATES, routes};
pub use run::{main, serve, work_periodically};
