//! Serving a table of routes until shutdown.

mod busy;
mod connection;
mod limits;
mod listener;
mod observe;
mod open;
mod service;
mod stream;
mod template;

pub use listener::{Bound, ListenError};
pub use service::Listeners;
pub use template::Templates;
pub(crate) use template::parameters_of;
