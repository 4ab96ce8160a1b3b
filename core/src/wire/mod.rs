//! The JSON of every internal API, shared by who serves it and who calls it, so that they cannot
//! drift. JSON is camelCase; members that a reader does not know are ignored.

pub mod pool;
pub mod problem;
pub mod runtime;
pub mod services;

mod text;

pub use text::{AgentName, Instructions, JoinUrl};
