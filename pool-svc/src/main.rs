//! The binary: see the library.

use std::process::ExitCode;

use agent_pool_service_kit::config::{Command, cli, help, load_environment};

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pool-svc: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what --help and --version are for")]
async fn start() -> anyhow::Result<()> {
    match cli(std::env::args().skip(1))? {
        Command::Run => pool_svc::run(load_environment()?).await?,
        Command::Version => println!("pool-svc {}", env!("CARGO_PKG_VERSION")),
        Command::Help => print!(
            "{}",
            help(
                "pool-svc",
                env!("CARGO_PKG_DESCRIPTION"),
                &pool_svc::Config::reference()
            )
        ),
    }
    Ok(())
}
