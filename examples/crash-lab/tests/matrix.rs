//! A sample of the steps of every operation, each operation a test. The tables are printed: `--nocapture`
//! shows them. All steps: `cargo run -p crash-lab -- matrix`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints the table"
)]

use std::sync::Arc;

use agent_pool_core::settings::Environment;
use crash_lab::Lab;
use crash_lab::matrix::{Operation, Plan, run};

/// Systems at once in one test; two tests run at a time on a machine with two cores.
const AT_ONCE: usize = 4;
/// Maximum share, in percent, of regular steps without a kill: a matrix of steps that were not taken proves nothing.
const MOST_MISSED: usize = 10;

/// The seed of the sample: random, unless `CRASH_LAB_SEED` sets it.
fn seed() -> u64 {
    let environment = Environment::of_process();
    let given = environment.get("CRASH_LAB_SEED");
    given.map_or_else(
        || rand::random::<u32>().into(),
        |seed| seed.parse().unwrap(),
    )
}

async fn every_promise_holds_at_the_steps_of(operation: Operation) {
    let lab = Lab::start(env!("CARGO_BIN_EXE_crash-lab").into()).await;
    let seed = seed();
    println!("cargo run -p crash-lab -- matrix --operation {operation} --sample {seed}");
    let plan = Plan {
        operation,
        at_once: AT_ONCE,
        sample: Some(seed),
    };
    let table = run(&Arc::new(lab.unwrap()), plan).await.unwrap();
    println!("{table}");
    assert!(table.broken().is_empty(), "seed {seed}\n{table}");
    let regular = table.rows.iter().filter(|row| row.regular).count();
    assert!(
        regular > 0 && table.missed() * 100 <= regular * MOST_MISSED,
        "seed {seed}\n{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn create() {
    every_promise_holds_at_the_steps_of(Operation::Create).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn update_limit() {
    every_promise_holds_at_the_steps_of(Operation::UpdateLimit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_pool() {
    every_promise_holds_at_the_steps_of(Operation::DeletePool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claim() {
    every_promise_holds_at_the_steps_of(Operation::Claim).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_with_tools() {
    every_promise_holds_at_the_steps_of(Operation::ClaimWithTools).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn add_tool() {
    every_promise_holds_at_the_steps_of(Operation::AddTool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_tool() {
    every_promise_holds_at_the_steps_of(Operation::ReleaseTool).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_with_key() {
    every_promise_holds_at_the_steps_of(Operation::ClaimWithKey).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn configure() {
    every_promise_holds_at_the_steps_of(Operation::Configure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn destroy() {
    every_promise_holds_at_the_steps_of(Operation::Destroy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweep() {
    every_promise_holds_at_the_steps_of(Operation::Sweep).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tick() {
    every_promise_holds_at_the_steps_of(Operation::Tick).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roll_out() {
    every_promise_holds_at_the_steps_of(Operation::RollOut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrade() {
    every_promise_holds_at_the_steps_of(Operation::Upgrade).await;
}
