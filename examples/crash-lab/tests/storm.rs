//! A short storm, two replicas, shared statements, SIGTERM, recovery at default settings, logs without secrets; and the
//! test that the lab reports broken promises.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use crash_lab::{Lab, recovery, replicas, secrets, self_test, shared, sigterm, storm};

/// The seed, unless `CRASH_LAB_SEED` sets another one.
const SEED: u64 = 2026;
const BLOWS_FOR: Duration = Duration::from_secs(25);
/// Minimum share of acknowledged claims, in percent: a storm in which almost none is served proves little.
const LEAST_ACKNOWLEDGED: u64 = 10;

async fn lab() -> Arc<Lab> {
    let lab = Lab::start(env!("CARGO_BIN_EXE_crash-lab").into()).await;
    Arc::new(lab.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_nothing_is_lost_leaked_or_claimed_twice() {
    let environment = Environment::of_process();
    let given = environment.get("CRASH_LAB_SEED");
    let seed = given.map_or(SEED, |seed| seed.parse().unwrap());
    println!("cargo run -p crash-lab -- storm --seconds 25 --seed {seed}");
    let plan = storm::Plan {
        seed,
        duration: BLOWS_FOR,
    };
    let lab = lab().await;
    let report = Box::pin(storm::run(&lab, plan)).await.unwrap();
    println!("{report}");
    let (asked, acknowledged) = (report.asked(), report.acknowledged());
    assert!(
        acknowledged * 100 >= asked * LEAST_ACKNOWLEDGED,
        "too few claims were acknowledged: {report}"
    );
    assert!(
        !report.killed().contains(&0),
        "some process was never killed: {report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_replica_continues_after_a_pause_or_kill() {
    println!("{:?}", replicas::run(&lab().await).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_claim_that_runs_a_shared_statement_dies_nothing_is_lost_or_claimed_twice() {
    println!("{}", shared::run(&lab().await).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_at_default_settings_the_fleet_becomes_whole_again_by_itself() {
    let scenarios = [recovery::DURING_CREATION];
    println!("{}", recovery::run(&lab().await, &scenarios).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sigterm_both_services_finish_what_is_in_flight_or_leave_it_in_time() {
    println!("{:?}", sigterm::run(&lab().await).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_though_everything_is() {
    println!("{:?}", secrets::run(&lab().await).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_is_broken_is_reported() {
    println!("{:?}", self_test::run(&lab().await).await.unwrap());
}
