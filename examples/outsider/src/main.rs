#![doc = include_str!("../README.md")]

mod team_token;

use std::process::ExitCode;

// Naming a provider is what links it.
use {provider_local as _, provider_openrouter as _};

fn main() -> ExitCode {
    services_svc::main(&[])
}
