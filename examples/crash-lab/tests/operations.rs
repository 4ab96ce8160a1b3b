//! What operators do to a running system, in small. In full: the commands of `crash-lab` of the same names.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use crash_lab::Lab;
use crash_lab::operations::{fill_rate, restore, rolling, rotation};

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
async fn no_rotation_of_a_key_changes_the_status_of_an_instance() {
    println!("{:?}", rotation::run(&lab().await).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_harms_no_claimed_agent() {
    let lab = lab().await;
    for restored in restore::Restored::ALL {
        println!("{:?}", restore::run(&lab, restored).await.unwrap());
    }
}
