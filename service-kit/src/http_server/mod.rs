//! Serving a table of routes until shutdown.

mod connection;
mod listener;
mod observe;
mod template;

pub use listener::{Bound, ListenError, serve};
pub use template::Templates;
