//! Tests of a cluster after a kill -9 of any of its processes.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::embedded::{Data, Embedded, Options};
use agent_pool_service_kit::testing::eventually;
use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;

use crate::support::{SOON, data_of, is_gone, keep, postmaster, watchdog};

#[tokio::test]
async fn a_server_that_outlived_its_watchdog_is_replaced() {
    let folder = TempDir::new().unwrap();
    let cluster = Embedded::start(keep(folder.path())).await.unwrap();
    let data = data_of(&cluster).await;
    let old = postmaster(&data);
    kill(watchdog(&data), Signal::SIGKILL).unwrap();
    drop(cluster);
    let cluster = Embedded::start(keep(folder.path())).await.unwrap();
    assert_ne!(postmaster(&data_of(&cluster).await), old);
    // It ends just after pg_ctl says so.
    eventually("the old server is gone", SOON, async || is_gone(old)).await;
}

#[tokio::test]
async fn a_cluster_starts_again_after_everything_was_killed() {
    let folder = TempDir::new().unwrap();
    let cluster = Embedded::start(keep(folder.path())).await.unwrap();
    let data = data_of(&cluster).await;
    let old = postmaster(&data);
    kill(watchdog(&data), Signal::SIGKILL).unwrap();
    kill(old, Signal::SIGKILL).unwrap();
    eventually("the server is gone", SOON, async || is_gone(old)).await;
    drop(cluster);
    assert!(
        data.join("postmaster.pid").exists(),
        "the stale file is the point"
    );
    let cluster = Embedded::start(keep(folder.path())).await.unwrap();
    assert_eq!(data_of(&cluster).await, data);
}

/// Runs [`starts_a_cluster_and_waits`] in a separate process, and waits until its cluster exists.
fn process_with_a_cluster(folder: &str) -> (Child, PathBuf) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed::starts_a_cluster_and_waits",
            "--ignored",
            "--nocapture",
        ])
        .env("TEST_FOLDER", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let data = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("data is ")?.1.to_owned()))
        .expect("the process starts a cluster");
    (child, data.into())
}

#[tokio::test]
#[ignore = "the process that other tests of this file start and kill"]
async fn starts_a_cluster_and_waits() {
    let environment = Environment::of_process();
    let data = match environment.get("TEST_FOLDER") {
        Some(folder) => Data::Keep(folder.into()),
        None => Data::Temporary,
    };
    let cluster = Embedded::start(Options::new(data, &environment))
        .await
        .unwrap();
    println!("data is {}", data_of(&cluster).await.display());
    let _ = std::io::stdin().read(&mut [0]);
}

#[tokio::test]
async fn a_killed_process_leaves_no_server_and_no_temporary_folder() {
    let (mut process, data) = process_with_a_cluster("");
    let (server, watchdog) = (postmaster(&data), watchdog(&data));
    process.kill().unwrap();
    process.wait().unwrap();
    eventually("the server is gone", SOON, async || is_gone(server)).await;
    eventually("the folder is gone", SOON, async || {
        !data.parent().unwrap().exists()
    })
    .await;
    eventually("the watchdog is gone", SOON, async || is_gone(watchdog)).await;
}

#[tokio::test]
async fn the_folder_of_a_killed_process_can_be_used_at_once() {
    let folder = TempDir::new().unwrap();
    let (mut process, data) = process_with_a_cluster(folder.path().to_str().unwrap());
    process.kill().unwrap();
    process.wait().unwrap();
    let cluster = Embedded::start(keep(folder.path())).await.unwrap();
    assert_eq!(data_of(&cluster).await, data);
}
