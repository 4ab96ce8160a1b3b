//! Runs one instance. Settings are environment variables: see the README.

use std::io::IsTerminal as _;

use agent_pool_core::settings::Environment;

/// One thread is enough for one agent, and keeps each of many instances small.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter("info")
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    agent_runtime::run(Environment::of_process()).await
}
