#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod adopt;
pub mod any_of;
pub mod auth;
pub mod body;
pub mod cipher;
pub mod config;
pub mod db;
pub mod elapsed;
pub mod health;
pub mod http_server;
pub mod method;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod process;
pub mod reseal;
pub mod route;
pub mod shutdown;
pub mod supervisor;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trace;
