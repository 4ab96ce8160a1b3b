//! Databases that stop taking writes while both services run.

use std::path::Path;

use crash_lab::outage::{disk, failover, full_disk, full_wal};

#[tokio::test(flavor = "multi_thread")]
async fn both_services_follow_the_primary_without_a_restart() {
    let exe = Path::new(env!("CARGO_BIN_EXE_crash-lab"));
    println!("{:?}", failover::run(exe).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_answered_503_and_recovers_without_a_restart() {
    if !disk::can_mount() {
        println!("skipped: only root can mount a small disk");
        return;
    }
    let exe = Path::new(env!("CARGO_BIN_EXE_crash-lab"));
    println!("{:?}", full_disk::run(exe).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_ahead_log_without_space_is_answered_503_and_recovers_without_a_restart() {
    if !disk::can_mount() {
        println!("skipped: only root can mount a small disk");
        return;
    }
    let exe = Path::new(env!("CARGO_BIN_EXE_crash-lab"));
    println!("{:?}", full_wal::run(exe).await.unwrap());
}
