//! How long users wait after `kill -9`, with every interval and lease at its default.
//!
//! Elsewhere the lab expires leases at once, because only the promises matter there. Here the system recovers by the
//! services' own timers alone: each service is killed during an operation and restarted at once, as a supervisor does,
//! and the time is measured until the whole fleet has recovered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_stack::Service;
use anyhow::{Context as _, bail};
use tokio::time::{Instant, sleep, timeout};

use crate::calls::order;
use crate::interceptor::{Step, When};
use crate::lab::Lab;
use crate::settings::Pacing;
use crate::settle::LOOK_EVERY;
use crate::system::System;

/// Time limit for the recovery of the fleet.
const LIMIT: Duration = Duration::from_secs(900);
/// How long the services may take until they reach the step at which one is killed.
const STEP_LIMIT: Duration = Duration::from_secs(120);
const IDLE: u32 = 2;

/// A service, killed at a step of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    operation: Operation,
    killed: Service,
    /// Killed after this step took effect.
    step: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Create,
    Claim,
    Destroy,
}

/// A pool-svc that dies while it creates an instance.
pub const DURING_CREATION: Scenario = Scenario {
    operation: Operation::Create,
    killed: Service::PoolSvc,
    step: "services POST /create-instance",
};

/// Every scenario.
pub const ALL: [Scenario; 5] = [
    DURING_CREATION,
    Scenario {
        operation: Operation::Create,
        killed: Service::ServicesSvc,
        step: "railway mutation serviceCreate",
    },
    Scenario {
        operation: Operation::Claim,
        killed: Service::PoolSvc,
        step: "instance POST /pool/provision",
    },
    Scenario {
        operation: Operation::Destroy,
        killed: Service::PoolSvc,
        step: "services DELETE /destroy/:id",
    },
    Scenario {
        operation: Operation::Destroy,
        killed: Service::ServicesSvc,
        step: "railway mutation serviceDelete",
    },
];

/// How long each took.
#[derive(Debug)]
pub struct Report(Vec<(Scenario, Duration)>);

/// Runs these scenarios, each on a system of its own.
///
/// # Errors
/// The fleet does not recover within a quarter of an hour, or the lab itself fails.
pub async fn run(lab: &Arc<Lab>, scenarios: &[Scenario]) -> anyhow::Result<Report> {
    let mut report = Vec::new();
    for &scenario in scenarios {
        let pacing = Pacing {
            min_idle: IDLE,
            ..Pacing::DEFAULTS
        };
        let system = System::start(Arc::clone(lab), pacing, 1, 1).await?;
        let taken = measure(&system, scenario, pacing).await;
        let taken = taken.map_err(|error| system.with_logs(&error));
        report.push((scenario, taken.with_context(|| scenario.to_string())?));
    }
    Ok(Report(report))
}

async fn measure(system: &System, scenario: Scenario, pacing: Pacing) -> anyhow::Result<Duration> {
    until_whole(system).await?;
    let interceptor = &system.replicas(scenario.killed)[0].interceptor;
    let label = scenario.step.to_owned();
    interceptor.set(Step { label, nth: 1 }, When::After);
    let killed = async {
        let reached = timeout(STEP_LIMIT, interceptor.wait()).await;
        reached.context("the step was never reached")?;
        let killed = Instant::now();
        system.kill(scenario.killed, 0).await?;
        system.restart(scenario.killed, 0, pacing).await?;
        anyhow::Ok(killed)
    };
    let (killed, _) = tokio::join!(killed, scenario.operation.start(system));
    let killed = killed?;
    until_whole(system).await?;
    Ok(killed.elapsed())
}

impl Operation {
    /// Requests it. The client may get an error, because a service is killed.
    async fn start(self, system: &System) -> anyhow::Result<()> {
        match self {
            Self::Create => system.replenish(1).await,
            Self::Claim => {
                // The answer does not matter, only that the fleet recovers.
                system.claim(&order("Tulip")?).await.map(drop)
            }
            Self::Destroy => {
                let rows = system.pool_database().await?.instances().await?;
                let id = rows.keys().next().context("an instance")?;
                let id = id.parse()?;
                let condemned = system.pool_api(0).await?.kill(&id).await;
                condemned.map(drop).context("kill")
            }
        }
    }
}

/// Waits until every promise holds and enough instances are idle, without asking for a tick.
async fn until_whole(system: &System) -> anyhow::Result<()> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let lacking = match system.broken().await {
            Ok(broken) if broken.is_empty() => match system.lacks(Some(IDLE)).await? {
                None => return Ok(()),
                Some(lacking) => lacking,
            },
            Ok(broken) => broken.join("; "),
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() > deadline {
            bail!("not recovered after {LIMIT:?}: {lacking}");
        }
        sleep(LOOK_EVERY).await;
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match self.operation {
            Operation::Create => "creation",
            Operation::Claim => "claim",
            Operation::Destroy => "destruction",
        };
        write!(f, "{} killed in a {operation}", self.killed.name())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (scenario, taken) in &self.0 {
            let seconds = taken.as_secs_f64();
            writeln!(f, "{:<38} {seconds:>6.1} s", scenario.to_string())?;
        }
        Ok(())
    }
}
