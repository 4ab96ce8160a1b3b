//! How a service is told what to do: variables, and two flags.

mod cli;
mod dotenv;
mod http;

pub use cli::{Command, UnknownArgument, cli, help};
pub use dotenv::{DotenvError, load_environment};
pub use http::HttpSettings;
