//! Runs the fake of the tests for manual use: `cargo run -p provider-acme --example fake`.

#[path = "../tests/fake/mod.rs"]
mod fake;

use std::io::Write as _;

use agent_pool_core::conformance::{FakeServer, Harness as _};

const PORT: u16 = 4010;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let vendor = FakeServer::start_on(PORT, "acme", fake::Acme::default()).await?;
    let mut lines = String::new();
    for (variable, value) in vendor.environment().with_prefix("") {
        lines += &format!("export {variable}={value}\n");
    }
    // In one write, so that a script that waits for one of the lines finds all of them.
    std::io::stdout().write_all(lines.as_bytes())?;
    std::future::pending().await
}
