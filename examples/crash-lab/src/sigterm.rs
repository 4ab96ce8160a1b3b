//! SIGTERM in the middle of the work: what is in flight is finished, or where that takes longer than
//! `SHUTDOWN_TIMEOUT_MS`, left to the recovery. Either way the process ends in time, with success.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::calls::order;
use crate::ground::Ground;
use crate::process::Part;
use crate::settings::Pacing;
use crate::settle::LOOK_EVERY;
use crate::trap::Step;
use crate::world::World;

const IDLE: u32 = 2;
/// How long anything may take but the end of a process.
const WITHIN: Duration = Duration::from_secs(60);
/// What a busy machine may take on top of the limit for the end.
const SLACK: Duration = Duration::from_secs(5);

/// Time enough for all that is in flight.
const PATIENT: Pacing = Pacing {
    tick: 2_000,
    lease: 2_000,
    min_idle: IDLE,
    ..Pacing::QUIET
};
/// Too little for what hangs.
const IMPATIENT: Pacing = Pacing {
    shutdown: 1_500,
    ..PATIENT
};

/// At which step each is held when it is told to end.
const CLAIM: &str = "services POST /configure/:id";
const CREATION: &str = "railway mutation serviceCreate";

/// From SIGTERM to the end of the process.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Pool, which finished a claim.
    pub pool_finished: Duration,
    /// Services, which finished a creation.
    pub services_finished: Duration,
    /// Pool, which cut a claim off after 1500 ms.
    pub pool_cut: Duration,
    /// Services, which cut a creation off after 1500 ms.
    pub services_cut: Duration,
}

/// Runs it.
///
/// # Errors
/// A process that did not end in time, a promise that broke, or the lab itself fails.
pub async fn run(ground: &Arc<Ground>) -> anyhow::Result<Report> {
    let world = World::start(Arc::clone(ground), PATIENT, 1, 1).await?;
    let done = steps(&world).await;
    done.map_err(|error| world.tell(&error))
}

async fn steps(world: &World) -> anyhow::Result<Report> {
    world.settle(Some(IDLE), WITHIN).await?;
    let pool_finished = pool(world, PATIENT).await.context("a patient pool-svc")?;
    let services_finished = services(world, PATIENT)
        .await
        .context("a patient services-svc")?;
    for part in [Part::ServicesSvc, Part::PoolSvc] {
        world.restart(part, 0, IMPATIENT).await?;
    }
    world.settle(Some(IDLE), WITHIN).await?;
    let pool_cut = pool(world, IMPATIENT)
        .await
        .context("an impatient pool-svc")?;
    let services_cut = services(world, IMPATIENT)
        .await
        .context("an impatient services-svc")?;
    Ok(Report {
        pool_finished,
        services_finished,
        pool_cut,
        services_cut,
    })
}

/// Ends Pool in the middle of a claim and of a creation, and has another one follow.
async fn pool(world: &World, pacing: Pacing) -> anyhow::Result<Duration> {
    world.replenish(1).await?;
    hold(world, Part::PoolSvc, CLAIM);
    let order = order("Tulip")?;
    let claim = world.claim(&order);
    let (claimed, ended) = tokio::join!(claim, end(world, Part::PoolSvc, pacing));
    let ended = ended?;
    if pacing.shutdown == PATIENT.shutdown {
        world.acknowledge(claimed.context("a claim in flight")?);
    } else {
        ensure!(claimed.is_err(), "a claim that was cut off was answered");
        world.time_passes(Part::PoolSvc, WITHIN).await?;
    }
    world.restart(Part::PoolSvc, 0, pacing).await?;
    world.settle(Some(IDLE), WITHIN).await?;
    Ok(ended)
}

/// Ends Services in the middle of a creation, and has another one follow.
async fn services(world: &World, pacing: Pacing) -> anyhow::Result<Duration> {
    hold(world, Part::ServicesSvc, CREATION);
    world.replenish(1).await?;
    let ended = end(world, Part::ServicesSvc, pacing).await?;
    let rows = world.services_database().await?;
    let unfinished = "SELECT (SELECT count(*) FROM instance_infra WHERE started_at IS NULL)
                           + (SELECT count(*) FROM instance_leases)";
    let left = rows.number(unfinished).await?;
    if pacing.shutdown == PATIENT.shutdown {
        ensure!(left == 0, "a creation in flight was not finished");
    } else {
        ensure!(left > 0, "a creation that was cut off has left nothing");
        world.time_passes(Part::ServicesSvc, WITHIN).await?;
    }
    world.restart(Part::ServicesSvc, 0, pacing).await?;
    world.settle(Some(IDLE), WITHIN).await?;
    Ok(ended)
}

fn hold(world: &World, part: Part, label: &str) {
    let label = label.to_owned();
    world.replicas(part)[0].trap.hold(Step { label, nth: 1 });
}

/// Ends a service once it is held at its step; where it is patient, what it asked goes on as soon as it
/// takes no more requests.
async fn end(world: &World, part: Part, pacing: Pacing) -> anyhow::Result<Duration> {
    let trap = &world.replicas(part)[0].trap;
    let held = timeout(WITHIN, trap.wait()).await;
    held.context("it never came to the step at which it was to end")?;
    let url = world.url(part, 0).await?;
    let address = url.socket_addrs(|| None)?;
    let told = Instant::now();
    world.signal(part, 0, Signal::SIGTERM).await?;
    while TcpStream::connect(&*address).await.is_ok() {
        ensure!(told.elapsed() < WITHIN, "it still takes new requests");
        sleep(LOOK_EVERY).await;
    }
    if pacing.shutdown == PATIENT.shutdown {
        trap.release();
    }
    let limit = Duration::from_millis(pacing.shutdown.into());
    let ended = world.ended(part, 0, limit + SLACK).await;
    trap.release();
    ended?;
    Ok(told.elapsed())
}
