//! A private Postgres cluster, for one machine: the harness and the tests.
//!
//! It listens only on 127.0.0.1, on a free port, with a random password. It ends with the process that started it, even
//! if that is killed: a shell in its own process group waits for the end of a pipe that only this process holds, and
//! then stops the server.

mod binaries;
mod cluster;
mod config;
pub(crate) mod database;
#[cfg(feature = "download")]
mod download;
mod error;
mod folder;
mod user;
mod watchdog;

pub use cluster::{Data, Embedded, Options};
pub use error::EmbeddedError;
