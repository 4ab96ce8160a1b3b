//! Claims that wait on a process that ends.

use agent_pool_service_kit::testing::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

use crate::fake::{Fault, KEY, Op};
use crate::process::start;
use crate::world::{SOON, World, answer};

const EMPTY: [(&str, &str); 2] = [("POOL_MAX_TOTAL", "0"), ("CLAIM_LEASE_MS", "1500")];

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
    let (mut child, url) = start(&world, &EMPTY).await;
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
    let (mut child, url) = start(&world, &EMPTY).await;
    let claim = tokio::spawn(answer(world.claim_at(&url, "?wait=300", Some("one"), "{}")));
    until_waiting(&world, "1").await;
    send(&child, Signal::SIGTERM);
    let claim = claim.await.unwrap();
    claim.is_problem(503, "shutting_down");
    assert_eq!(claim.headers["retry-after"], "5");
    let ended = tokio::time::timeout(SOON, child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    until_waiting(&world, "0").await;
    world.idle(1).await;
    let elsewhere = answer(world.claim_at(&world.url, "", Some("one"), "{}")).await;
    assert_eq!(elsewhere.status, 200, "{}", elsewhere.body);
}

#[tokio::test]
async fn work_of_a_killed_replica_is_completed() {
    // A destruction whose lease is renewed too late is requested twice.
    let settings = [("POOL_MIN_IDLE", "2"), ("POOL_WORK_LEASE_MS", "3000")];
    let world = World::new(&settings).await;
    let ids = world.idle(5).await;
    for op in [Op::Provision, Op::Provision, Op::Provision] {
        world.fake.fail(op, Fault::Hang);
    }
    world.fake.fail(Op::Create, Fault::Hang);
    world.fake.fail(Op::Destroy, Fault::Hang);
    let (mut child, url) = start(&world, &settings).await;
    // Claims that come together are taken by one statement, whichever of them runs it.
    for _ in 0..3 {
        tokio::spawn(world.claim_at(&url, "", None, "{}").send());
    }
    let condemned = world
        .http
        .delete(format!("{url}/api/pool/instances/{}", ids[4]));
    answer(condemned.bearer_auth(KEY)).await;
    eventually("everything hangs", SOON, async || {
        let times = |op| world.fake.times(op);
        times(Op::Provision) == 3 && times(Op::Destroy) == 1 && times(Op::Create) >= 1
    })
    .await;
    send(&child, Signal::SIGKILL);
    child.wait().await.unwrap();
    world.replica.pool.keep_recovering();
    let settled = "SELECT string_agg(DISTINCT status, ',') || count(*) AS it FROM instances";
    eventually("all is settled and refilled", SOON, async || {
        world.ask(settled).await.as_deref() == Some("idle2")
    })
    .await;
    assert_eq!(
        world.fake.state().instances.len(),
        2,
        "nothing is left over"
    );
}
