//! The entry of a service process: command line, settings, logs, signals, database, serving, shutdown.
//!
//! A service implements [`Service`]; its binary's `main` is one call of [`main`].

mod entry;
mod health;
mod service;

pub use entry::{main, perform, serve};
pub use service::{ProcessSettings, Service};
