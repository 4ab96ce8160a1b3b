//! Claims that wait on a process that ends.

use std::process::Stdio;

use agent_pool_service_kit::testing::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::fake::KEY;
use crate::world::{SOON, World, answer};

const EMPTY: [(&str, &str); 2] = [("POOL_MAX_TOTAL", "0"), ("CLAIM_LEASE_MS", "1500")];

/// One more replica, in a process of its own, and where it listens.
async fn process(world: &World) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pool-svc"))
        .env_clear()
        .envs([("PORT", "0"), ("POOL_API_KEY", KEY), ("POOL_MIN_IDLE", "0")])
        .envs(EMPTY)
        .env(
            "POOL_DATABASE_URL",
            world.database.url().as_secret().expose(),
        )
        .env("SERVICES_URL", &world.fake.url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    (child, url)
}

async fn until_waiting(world: &World, count: &str) {
    let waiting = "SELECT count(*)::text AS it FROM claim_waiters";
    eventually("they wait", SOON, async || {
        world.ask(waiting).await.as_deref() == Some(count)
    })
    .await;
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap());
    kill(pid, signal).unwrap();
}

#[tokio::test]
async fn the_next_is_served_when_the_replica_of_who_was_first_is_killed() {
    let world = World::new(&EMPTY).await;
    let (mut child, url) = process(&world).await;
    let first = tokio::spawn(world.claim_at(&url, "?wait=300", None, "{}").send());
    until_waiting(&world, "1").await;
    let second = tokio::spawn(answer(world.claim_at(&world.url, "?wait=300", None, "{}")));
    until_waiting(&world, "2").await;
    send(&child, Signal::SIGKILL);
    child.wait().await.unwrap();
    assert!(first.await.unwrap().is_err());
    let id = world.idle(1).await.remove(0);
    let second = second.await.unwrap();
    assert_eq!(second.body["instanceId"], id.to_string(), "{}", second.body);
}

#[tokio::test]
async fn sigterm_answers_those_who_wait_at_once() {
    let world = World::new(&EMPTY).await;
    let (mut child, url) = process(&world).await;
    let claim = tokio::spawn(answer(world.claim_at(&url, "?wait=300", Some("one"), "{}")));
    until_waiting(&world, "1").await;
    send(&child, Signal::SIGTERM);
    let claim = claim.await.unwrap();
    assert_eq!((claim.status, claim.code()), (503, "shutting_down"));
    assert_eq!(claim.headers["retry-after"], "5");
    let ended = tokio::time::timeout(SOON, child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    until_waiting(&world, "0").await;
    world.idle(1).await;
    let elsewhere = answer(world.claim_at(&world.url, "", Some("one"), "{}")).await;
    assert_eq!(elsewhere.status, 200, "{}", elsewhere.body);
}
