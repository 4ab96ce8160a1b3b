//! Serving a table of routes until shutdown.

mod connection;
mod listener;
mod observe;
mod service;
mod template;

pub use listener::{Bound, ListenError};
pub use service::Listeners;
pub use template::Templates;
