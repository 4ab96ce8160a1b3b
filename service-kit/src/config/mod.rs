//! The configuration of a service: environment variables, and two flags.

mod cli;
mod dialect;
mod dotenv;
mod http;

pub use cli::{Adoption, Command, Task, UnknownArgument, cli, help};
pub use dialect::Faults as DotenvFaults;
pub use dotenv::{DotenvError, LoadedEnvironment, load_environment, merge_text};
pub use http::{HttpDefaults, HttpSettings, ListenHost};
