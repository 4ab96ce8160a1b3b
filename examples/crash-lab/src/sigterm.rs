//! SIGTERM during an operation: work in flight is finished, or left to the recovery if that takes longer than
//! `SHUTDOWN_TIMEOUT_MS`. Either way the process exits in time, with success.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::calls::order;
use crate::interceptor::Step;
use crate::lab::Lab;
use crate::settings::Pacing;
use crate::settle::LOOK_EVERY;
use crate::system::System;
use agent_pool_stack::Service;

const IDLE: u32 = 2;
/// The limit of everything but the exit of a process.
const WITHIN: Duration = Duration::from_secs(60);
/// Additional time on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// Enough time for all work in flight.
const PATIENT: Pacing = Pacing {
    tick: 2_000,
    lease: 2_000,
    min_idle: IDLE,
    ..Pacing::QUIET
};
/// Too little time for work that hangs.
const IMPATIENT: Pacing = Pacing {
    shutdown: 1_500,
    ..PATIENT
};

/// The step at which each is held when it gets SIGTERM.
const CLAIM: &str = "services POST /configure/:id";
const CREATION: &str = "railway mutation serviceCreate";

/// The time from SIGTERM to the exit of each process.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Pool, which finished a claim.
    pub pool_finished: Duration,
    /// Services, which finished a creation.
    pub services_finished: Duration,
    /// Pool, which aborted a claim after 1500 ms.
    pub pool_cut: Duration,
    /// Services, which aborted a creation after 1500 ms.
    pub services_cut: Duration,
}

/// Runs the scenario.
///
/// # Errors
/// A process does not exit in time, a promise is broken, or the lab itself fails.
pub async fn run(lab: &Arc<Lab>) -> anyhow::Result<Report> {
    let system = System::start(Arc::clone(lab), PATIENT, 1, 1).await?;
    let done = steps(&system).await;
    done.map_err(|error| system.with_logs(&error))
}

async fn steps(system: &System) -> anyhow::Result<Report> {
    system.settle(Some(IDLE), WITHIN).await?;
    let pool_finished = pool(system, PATIENT).await.context("a patient pool-svc")?;
    let services_finished = services(system, PATIENT)
        .await
        .context("a patient services-svc")?;
    for part in [Service::ServicesSvc, Service::PoolSvc] {
        system.restart(part, 0, IMPATIENT).await?;
    }
    system.settle(Some(IDLE), WITHIN).await?;
    let pool_cut = pool(system, IMPATIENT)
        .await
        .context("an impatient pool-svc")?;
    let services_cut = services(system, IMPATIENT)
        .await
        .context("an impatient services-svc")?;
    Ok(Report {
        pool_finished,
        services_finished,
        pool_cut,
        services_cut,
    })
}

/// Stops Pool during a claim and a creation, and starts another.
async fn pool(system: &System, pacing: Pacing) -> anyhow::Result<Duration> {
    system.replenish(1).await?;
    hold(system, Service::PoolSvc, CLAIM);
    let order = order("Tulip")?;
    let claim = system.claim(&order);
    let (claimed, ended) = tokio::join!(claim, end(system, Service::PoolSvc, pacing));
    let ended = ended?;
    if pacing.shutdown == PATIENT.shutdown {
        system.acknowledge(claimed.context("a claim in flight")?);
    } else {
        ensure!(claimed.is_err(), "an aborted claim was answered");
        system.expire_leases(Service::PoolSvc, WITHIN).await?;
    }
    system.restart(Service::PoolSvc, 0, pacing).await?;
    system.settle(Some(IDLE), WITHIN).await?;
    Ok(ended)
}

/// Stops Services during a creation, and starts another.
async fn services(system: &System, pacing: Pacing) -> anyhow::Result<Duration> {
    hold(system, Service::ServicesSvc, CREATION);
    system.replenish(1).await?;
    let ended = end(system, Service::ServicesSvc, pacing).await?;
    let rows = system.services_database().await?;
    let unfinished = "SELECT (SELECT count(*) FROM instance_infra WHERE started_at IS NULL)
                           + (SELECT count(*) FROM instance_leases)";
    let left = rows.number(unfinished).await?;
    if pacing.shutdown == PATIENT.shutdown {
        ensure!(left == 0, "a creation in flight was not finished");
    } else {
        ensure!(left > 0, "an aborted creation has left nothing");
        system.expire_leases(Service::ServicesSvc, WITHIN).await?;
    }
    system.restart(Service::ServicesSvc, 0, pacing).await?;
    system.settle(Some(IDLE), WITHIN).await?;
    Ok(ended)
}

fn hold(system: &System, part: Service, label: &str) {
    let label = label.to_owned();
    system.replicas(part)[0]
        .interceptor
        .hold(Step { label, nth: 1 });
}

/// Sends SIGTERM once the service is held at its step. A patient one is released as soon as it accepts no more requests.
async fn end(system: &System, part: Service, pacing: Pacing) -> anyhow::Result<Duration> {
    let interceptor = &system.replicas(part)[0].interceptor;
    let held = timeout(WITHIN, interceptor.wait()).await;
    held.context("it never reached the step at which it should end")?;
    let url = system.url(part, 0).await?;
    let address = url.socket_addrs(|| None)?;
    let signalled = Instant::now();
    system.signal(part, 0, Signal::SIGTERM).await?;
    while TcpStream::connect(&*address).await.is_ok() {
        ensure!(
            signalled.elapsed() < WITHIN,
            "it still accepts new requests"
        );
        sleep(LOOK_EVERY).await;
    }
    if pacing.shutdown == PATIENT.shutdown {
        interceptor.release();
    }
    let limit = Duration::from_millis(pacing.shutdown.into());
    let ended = system.ended(part, 0, limit + SLACK).await;
    interceptor.release();
    ended?;
    Ok(signalled.elapsed())
}
