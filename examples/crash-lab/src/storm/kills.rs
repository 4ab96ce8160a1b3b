//! `kill -9` of the services and of Postgres.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use tokio::time::sleep;

use super::report::count;
use super::state::{PACING, Storm};
use agent_pool_stack::Service;

/// The processes killed in one round, in random order, so that every storm kills each of them.
const ROUND: [Victim; 5] = [
    Victim::Service(Service::PoolSvc),
    Victim::Service(Service::PoolSvc),
    Victim::Service(Service::ServicesSvc),
    Victim::Service(Service::ServicesSvc),
    Victim::Postgres,
];

#[derive(Debug, Clone, Copy)]
enum Victim {
    Service(Service),
    Postgres,
}

/// Kills one after another in each burst, and starts it again.
pub(super) async fn kill_processes(storm: &Storm, mut chance: StdRng) -> anyhow::Result<()> {
    let mut round = Vec::new();
    while storm.next_burst().await {
        sleep(Duration::from_millis(chance.random_range(200..1_500))).await;
        if storm.burst().is_none() {
            continue;
        }
        if round.is_empty() {
            round.extend(ROUND);
            round.shuffle(&mut chance);
        }
        let down = Duration::from_millis(chance.random_range(0..500));
        match round.pop() {
            Some(Victim::Service(part)) => {
                count(storm.report.killed_of(part));
                kill(storm, part, down).await?;
            }
            Some(Victim::Postgres) => {
                count(&storm.report.postgres_killed);
                storm.system.lab.kill_postgres().await?;
            }
            None => {}
        }
    }
    Ok(())
}

async fn kill(storm: &Storm, part: Service, down: Duration) -> anyhow::Result<()> {
    let system = &storm.system;
    system.kill(part, 0).await?;
    sleep(down).await;
    if part == Service::PoolSvc {
        // Pool's leases last minutes; those of Services last less than a second here and expire by themselves.
        system.expire_leases(part, down).await?;
    }
    system.restart(part, 0, PACING).await
}
