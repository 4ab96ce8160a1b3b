//! Databases that stop taking writes while both services run.

use std::path::Path;

use crash_lab::outage::{failover, full_disk};

#[tokio::test(flavor = "multi_thread")]
async fn both_services_follow_the_primary_without_a_restart() {
    let exe = Path::new(env!("CARGO_BIN_EXE_crash-lab"));
    println!("{:?}", failover::run(exe).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_answered_503_and_recovers_without_a_restart() {
    if !full_disk::can_run() {
        println!("skipped: only root can mount a small disk");
        return;
    }
    let exe = Path::new(env!("CARGO_BIN_EXE_crash-lab"));
    println!("{:?}", full_disk::run(exe).await.unwrap());
}
