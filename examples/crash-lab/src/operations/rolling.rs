//! Restarts three replicas of each service one after another while clients claim: no claim fails. A claim that waits at
//! a replica that ends gets a 503 with `Retry-After`, which is all that a client has to handle.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::clients::Clients;
use super::plant::{Plant, cloud};
use crate::lab::Lab;
use crate::settings::Pacing;

const REPLICAS: usize = 3;
const IDLE: u32 = 4;
const PACING: Pacing = Pacing {
    min_idle: IDLE,
    max_total: 40,
    ..Pacing::LIVELY
};

/// The extent of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Number of restarts of every replica.
    pub rounds: u32,
    /// Clients that claim at the same time.
    pub clients: u32,
}

/// The result of a run.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Claims answered with 200.
    pub claims: u32,
    /// Claims that waited at a replica that ended, and were retried.
    pub repeated: u32,
    /// Restarts of a replica of either service.
    pub restarts: u32,
    /// How long all of it took.
    pub took: Duration,
}

/// Runs the scenario.
///
/// # Errors
/// A claim fails, or a replica does not exit.
pub async fn run(lab: &Arc<Lab>, plan: Plan) -> anyhow::Result<Report> {
    let start = Plant::start(lab, REPLICAS, PACING, cloud(1), |_, _| {});
    let mut plant = start.await?;
    let done = steps(&mut plant, plan).await;
    done.map_err(|error| plant.with_logs(&error))
}

async fn steps(plant: &mut Plant, plan: Plan) -> anyhow::Result<Report> {
    plant.until_idle(IDLE as usize).await?;
    let begun = Instant::now();
    let (url, http) = (plant.pool_url()?, plant.lab.http());
    let clients = Clients::start("client", &url, &http, plan.clients);
    let mut rolled = Ok(());
    for _ in 0..plan.rounds {
        rolled = rolled.and(plant.roll().await);
    }
    let claims = clients.end().await?;
    rolled?;
    let replicas = u32::try_from(2 * REPLICAS)?;
    Ok(Report {
        claims: claims.served,
        repeated: claims.repeated,
        restarts: plan.rounds * replicas,
        took: begun.elapsed(),
    })
}
