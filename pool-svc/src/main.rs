//! The binary: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent_pool_service_kit::process::main::<pool_svc::Pool>(&[])
}
