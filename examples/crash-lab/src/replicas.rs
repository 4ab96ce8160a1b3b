//! Two replicas of each service on one database: claims on both; one of Services sleeps until its work
//! is another's; and then one of each is killed in the middle of its work, for good.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::ClaimOrder;
use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep, timeout};

use crate::calls::order;
use crate::ground::Ground;
use crate::process::Part;
use crate::settings::Pacing;
use crate::settle::LOOK_EVERY;
use crate::trap::{Step, When};
use crate::world::World;

/// `TICK_INTERVAL_MS` of both.
const TICK: Duration = Duration::from_secs(2);
/// What a busy machine may take on top of it for one tick.
const SLACK: Duration = Duration::from_secs(2);
/// How long anything else may take.
const WITHIN: Duration = Duration::from_secs(60);
const IDLE: u32 = 4;
/// The first step of a creation that has an effect at a vendor.
const CREATION: &str = "railway mutation serviceCreate";
/// Both replicas have two at a time.
const CLAIMS: usize = 4;

const PACING: Pacing = Pacing {
    tick: 2_000,
    lease: 2_000,
    attempt: 10_000,
    min_idle: IDLE,
    ..Pacing::QUIET
};

/// How long it took until the replica that was left did what the killed one had begun.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// From the waking of a Services that slept in the middle of a creation for longer than its lease
    /// to a fleet that is whole again.
    pub woken: Duration,
    /// From the death of a Pool in the middle of a tick to the end of a look of the other.
    pub next_tick: Duration,
    /// From the death of a Services in the middle of a creation to a fleet that is whole again.
    pub recovered: Duration,
}

/// Runs it.
///
/// # Errors
/// A promise that broke, or the lab itself fails.
pub async fn run(ground: &Arc<Ground>) -> anyhow::Result<Report> {
    let world = World::start(Arc::clone(ground), PACING, 2, 1).await?;
    let done = steps(&world).await;
    done.map_err(|error| world.tell(&error))
}

async fn steps(world: &World) -> anyhow::Result<Report> {
    world.settle(Some(IDLE), WITHIN).await?;
    claim_on_both(world).await?;
    world.settle(Some(IDLE), WITHIN).await?;
    let woken = sleep_in_mid_creation(world).await?;
    let next_tick = kill_in_mid_tick(world).await?;
    claim_at(world, 1, "after the kill").await?;
    world.settle(Some(IDLE), WITHIN).await?;
    let recovered = kill_in_mid_creation(world).await?;
    Ok(Report {
        woken,
        next_tick,
        recovered,
    })
}

async fn claim_on_both(world: &World) -> anyhow::Result<()> {
    let agents: Vec<String> = (0..CLAIMS)
        .map(|number| format!("agent {number}"))
        .collect();
    let claims = agents.iter().enumerate();
    try_join_all(claims.map(|(number, agent)| claim_at(world, number % 2, agent))).await?;
    Ok(())
}

async fn claim_at(world: &World, replica: usize, agent: &str) -> anyhow::Result<()> {
    let order = ClaimOrder {
        wait: 30,
        ..order(agent)?
    };
    world.acknowledge(world.pool_api(replica).await?.claim(&order).await?);
    Ok(())
}

/// Stopped as a machine is that pauses, in the middle of a creation which the other replica then undoes.
/// It goes on with what it knew, and finds that its work is no longer its own.
async fn sleep_in_mid_creation(world: &World) -> anyhow::Result<Duration> {
    let pool = world.pool_api(1).await?;
    let trap = &world.services[0].trap;
    let label = CREATION.to_owned();
    trap.hold(Step { label, nth: 1 });
    let more = async { Ok(pool.replenish(Some(4)).await?) };
    let asleep = async {
        let held = timeout(WITHIN, trap.wait()).await;
        held.context("the replica never created anything")?;
        world.signal(Part::ServicesSvc, 0, Signal::SIGSTOP).await?;
        trap.release();
        until_nothing_is_unfinished(world).await
    };
    tokio::try_join!(more, asleep)?;
    world.signal(Part::ServicesSvc, 0, Signal::SIGCONT).await?;
    let woken = Instant::now();
    world.settle(Some(IDLE), WITHIN).await?;
    ensure!(
        world.logged().contains("is lost: its operation is cut off"),
        "the replica that slept never found out that its lease was lost"
    );
    Ok(woken.elapsed())
}

/// The other replica of Services has ended all that was begun.
async fn until_nothing_is_unfinished(world: &World) -> anyhow::Result<()> {
    let services = world.services_database().await?;
    let deadline = Instant::now() + WITHIN;
    let unfinished = "SELECT count(*) FROM instance_infra WHERE started_at IS NULL";
    while services.number(unfinished).await? > 0 {
        ensure!(
            Instant::now() < deadline,
            "nobody ended what the sleeper began"
        );
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// It holds the lock of the tick, and has asked for nothing yet.
async fn kill_in_mid_tick(world: &World) -> anyhow::Result<Duration> {
    kill_at(
        world,
        Part::PoolSvc,
        "services POST /status/batch",
        When::Before,
    )
    .await?;
    let killed = Instant::now();
    let pool = world.pool_database().await?;
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let killed_at = pool.number(now).await?;
    let seen = "SELECT (extract(epoch FROM observed_at) * 1000)::bigint FROM tick_state";
    while pool.number(seen).await? <= killed_at {
        ensure!(
            killed.elapsed() <= TICK + SLACK,
            "no tick of the other replica within {TICK:?} of the death of the one that ticked"
        );
        sleep(LOOK_EVERY).await;
    }
    Ok(killed.elapsed())
}

async fn kill_in_mid_creation(world: &World) -> anyhow::Result<Duration> {
    let pool = world.pool_api(1).await?;
    let more = async { Ok(pool.replenish(Some(4)).await?) };
    tokio::try_join!(
        kill_at(world, Part::ServicesSvc, CREATION, When::After),
        more
    )?;
    let killed = Instant::now();
    world.settle(Some(IDLE), WITHIN).await?;
    Ok(killed.elapsed())
}

/// Kills the first replica when it comes to this, and lets it be dead.
async fn kill_at(world: &World, part: Part, label: &str, when: When) -> anyhow::Result<()> {
    let trap = &world.replicas(part)[0].trap;
    let label = label.to_owned();
    trap.set(Step { label, nth: 1 }, when);
    let sprung = timeout(WITHIN, trap.wait()).await;
    sprung.context("the replica never came to the step at which it was to die")?;
    world.kill(part, 0).await
}
