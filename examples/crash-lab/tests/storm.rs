//! A short storm, two replicas, and logs without secrets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use crash_lab::{Ground, replicas, secrets, storm};

async fn ground() -> Arc<Ground> {
    let ground = Ground::lay(env!("CARGO_BIN_EXE_crash-lab").into()).await;
    Arc::new(ground.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_nothing_is_lost_leaked_or_claimed_twice() {
    let seed = u64::from(rand::random::<u32>());
    println!("seed {seed}: cargo run -p crash-lab -- storm --seed {seed}");
    let duration = Duration::from_secs(25);
    let plan = storm::Plan { seed, duration };
    let report = storm::run(&ground().await, plan).await.unwrap();
    println!("{report}");
    assert!(report.acknowledged() > 0, "nothing was claimed: {report}");
    assert!(report.killed() > 0, "nobody was killed: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_of_two_replicas_dies_at_work_the_other_goes_on() {
    let report = replicas::run(&ground().await).await.unwrap();
    println!("{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_though_everything_is() {
    secrets::run(&ground().await).await.unwrap();
}
