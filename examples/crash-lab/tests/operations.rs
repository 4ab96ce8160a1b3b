//! Small runs of the operations on a running system. Full runs: the commands of `crash-lab` with the same names.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use crash_lab::Lab;
use crash_lab::operations::{fill_rate, moving_in, restore, rolling, rotation};
use futures_util::future::try_join_all;

async fn lab() -> Arc<Lab> {
    let lab = Lab::start(env!("CARGO_BIN_EXE_crash-lab").into()).await;
    Arc::new(lab.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_that_the_vendor_limits_how_fast_the_pool_fills() {
    println!("{:?}", fill_rate::run(&lab().await).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_claim_fails_while_three_replicas_of_each_service_are_restarted() {
    let plan = rolling::Plan {
        rounds: 1,
        clients: 2,
    };
    println!("{:?}", rolling::run(&lab().await, plan).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rotation_of_a_key_changes_the_status_or_the_health_of_an_instance() {
    println!("{:?}", rotation::run(&lab().await).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_services_run_on_the_adopted_databases_and_fleet_of_the_original() {
    println!("{:?}", moving_in::run(&lab().await).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_harms_no_claimed_agent() {
    let lab = lab().await;
    let cases = restore::Restored::ALL.map(|restored| restore::run(&lab, restored));
    println!("{:?}", try_join_all(cases).await.unwrap());
}
