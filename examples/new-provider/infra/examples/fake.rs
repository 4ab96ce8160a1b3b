//! Runs the fake of the tests for manual use. Every machine runs the given command:
//! `cargo run -p provider-acme --example fake -- target/debug/mock-harness agent-runtime`.

#[path = "../tests/fake/mod.rs"]
mod fake;

use std::io::Write as _;

use agent_pool_core::conformance::{FakeServer, Harness as _};

const PORT: u16 = 4011;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let command = std::env::args().skip(1).collect();
    let engine = FakeServer::start_on(PORT, "acme", fake::Acme::running(command)).await?;
    let mut lines = String::new();
    for (variable, value) in engine.environment().with_prefix("") {
        lines += &format!("export {variable}={value}\n");
    }
    // In one write, so that a script that waits for one of the lines finds all of them.
    std::io::stdout().write_all(lines.as_bytes())?;
    std::future::pending().await
}
