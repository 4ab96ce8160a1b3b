//! The configuration of a service: environment variables, and two flags.

mod cli;
mod dotenv;
mod http;

pub use cli::{Command, UnknownArgument, cli, help};
pub use dotenv::{DotenvError, load_environment};
pub use http::{HttpDefaults, HttpSettings, ListenHost};
