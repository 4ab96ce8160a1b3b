//! Two replicas of each service on one database: claims on both; one services-svc is paused until the other has taken
//! over its work; then one of each is killed during its work, and stays down.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::ClaimOrder;
use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep, timeout};

use crate::calls::order;
use crate::interceptor::{Step, When};
use crate::lab::Lab;
use crate::settings::Pacing;
use crate::settle::LOOK_EVERY;
use crate::system::System;
use agent_pool_stack::Service;

/// `TICK_INTERVAL_MS` of both.
const TICK: Duration = Duration::from_secs(2);
/// `POOL_WORK_LEASE_MS`, at its default: how long a tick has its turn after its replica died.
const LEASE: Duration = Duration::from_secs(10);
/// Additional time for a tick on a busy machine.
const SLACK: Duration = Duration::from_secs(8);
/// The limit of everything else.
const WITHIN: Duration = Duration::from_secs(60);
const IDLE: u32 = 4;
/// The first step of a creation that has an effect at a vendor.
const CREATION: &str = "railway mutation serviceCreate";
/// Two claims for each replica.
const CLAIMS: usize = 4;

const PACING: Pacing = Pacing {
    tick: 2_000,
    lease: 2_000,
    attempt: 10_000,
    min_idle: IDLE,
    ..Pacing::QUIET
};

/// How long the remaining replica took to finish the work of the killed one.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// From the resumption of a services-svc that was paused in a creation for longer than its lease, until the fleet
    /// has recovered.
    pub woken: Duration,
    /// From the kill of a pool-svc in a tick until the other has ticked.
    pub next_tick: Duration,
    /// From the kill of a services-svc in a creation until the fleet has recovered.
    pub recovered: Duration,
}

/// Runs the scenario.
///
/// # Errors
/// A promise is broken, or the lab itself fails.
pub async fn run(lab: &Arc<Lab>) -> anyhow::Result<Report> {
    let system = System::start(Arc::clone(lab), PACING, 2, 1).await?;
    let done = steps(&system).await;
    done.map_err(|error| system.with_logs(&error))
}

async fn steps(system: &System) -> anyhow::Result<Report> {
    system.settle(Some(IDLE), WITHIN).await?;
    claim_on_both(system).await?;
    system.settle(Some(IDLE), WITHIN).await?;
    let woken = sleep_in_mid_creation(system).await?;
    let next_tick = kill_in_mid_tick(system).await?;
    claim_at(system, 1, "after the kill").await?;
    system.settle(Some(IDLE), WITHIN).await?;
    let recovered = kill_in_mid_creation(system).await?;
    Ok(Report {
        woken,
        next_tick,
        recovered,
    })
}

async fn claim_on_both(system: &System) -> anyhow::Result<()> {
    let agents: Vec<String> = (0..CLAIMS)
        .map(|number| format!("agent {number}"))
        .collect();
    let claims = agents.iter().enumerate();
    try_join_all(claims.map(|(number, agent)| claim_at(system, number % 2, agent))).await?;
    Ok(())
}

async fn claim_at(system: &System, replica: usize, agent: &str) -> anyhow::Result<()> {
    let order = ClaimOrder {
        wait: 30,
        ..order(agent)?
    };
    let outcome = system.pool_api(replica).await?.claim(&order).await?;
    system.acknowledge(outcome.claimed().context("pending acceptance")?);
    Ok(())
}

/// A paused machine: stopped during a creation, which the other replica then undoes. It resumes with outdated
/// knowledge, and finds that it has lost its lease.
async fn sleep_in_mid_creation(system: &System) -> anyhow::Result<Duration> {
    let pool = system.pool_api(1).await?;
    let interceptor = &system.services[0].interceptor;
    let label = CREATION.to_owned();
    interceptor.hold(Step { label, nth: 1 });
    let more = async { Ok(pool.replenish(None, Some(4)).await?) };
    let asleep = async {
        let held = timeout(WITHIN, interceptor.wait()).await;
        held.context("the replica never created anything")?;
        system
            .signal(Service::ServicesSvc, 0, Signal::SIGSTOP)
            .await?;
        interceptor.release();
        until_nothing_is_unfinished(system).await
    };
    tokio::try_join!(more, asleep)?;
    system
        .signal(Service::ServicesSvc, 0, Signal::SIGCONT)
        .await?;
    let woken = Instant::now();
    system.settle(Some(IDLE), WITHIN).await?;
    let settled = woken.elapsed();
    // The others may have restored everything before it notices.
    while !system.logged().contains("is lost: aborting its operation") {
        ensure!(
            woken.elapsed() < WITHIN,
            "the paused replica never noticed that its lease was lost"
        );
        sleep(LOOK_EVERY).await;
    }
    Ok(settled)
}

/// Waits until the other replica of Services has finished or undone everything.
async fn until_nothing_is_unfinished(system: &System) -> anyhow::Result<()> {
    let services = system.services_database().await?;
    let deadline = Instant::now() + WITHIN;
    let unfinished = "SELECT count(*) FROM instance_infra WHERE started_at IS NULL";
    while services.number(unfinished).await? > 0 {
        ensure!(
            Instant::now() < deadline,
            "no replica finished the operation of the paused one"
        );
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Killed while it has the turn of the tick, before its first request.
async fn kill_in_mid_tick(system: &System) -> anyhow::Result<Duration> {
    kill_at(
        system,
        Service::PoolSvc,
        "services POST /status/batch",
        When::Before,
    )
    .await?;
    let killed = Instant::now();
    let pool = system.pool_database().await?;
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let killed_at = pool.number(now).await?;
    let seen = "SELECT (extract(epoch FROM observed_at) * 1000)::bigint FROM tick_state";
    while pool.number(seen).await? <= killed_at {
        ensure!(
            killed.elapsed() <= LEASE + TICK + SLACK,
            "no tick of the other replica within {LEASE:?} and {TICK:?} after the kill of the ticking one"
        );
        sleep(LOOK_EVERY).await;
    }
    Ok(killed.elapsed())
}

async fn kill_in_mid_creation(system: &System) -> anyhow::Result<Duration> {
    let pool = system.pool_api(1).await?;
    let more = async { Ok(pool.replenish(None, Some(4)).await?) };
    tokio::try_join!(
        kill_at(system, Service::ServicesSvc, CREATION, When::After),
        more
    )?;
    let killed = Instant::now();
    system.settle(Some(IDLE), WITHIN).await?;
    Ok(killed.elapsed())
}

/// Kills the first replica at this step, and leaves it down.
async fn kill_at(system: &System, part: Service, label: &str, when: When) -> anyhow::Result<()> {
    let interceptor = &system.replicas(part)[0].interceptor;
    let label = label.to_owned();
    interceptor.set(Step { label, nth: 1 }, when);
    let triggered = timeout(WITHIN, interceptor.wait()).await;
    triggered.context("the replica never reached the step at which it should be killed")?;
    system.kill(part, 0).await
}
