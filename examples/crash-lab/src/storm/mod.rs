//! The fault storm: claims, kills and drains, while vendors fail and processes are killed at random;
//! then recovery, and the promises.
//!
//! Faults come in bursts. In the pauses between them nothing new breaks, so that instances become idle, and the next
//! burst hits claims, creations and destructions instead of a system that is still starting.

mod clients;
mod faults;
mod kills;
mod report;
mod state;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

use self::state::{PACING, Storm};
use crate::lab::Lab;
use crate::system::System;
use agent_pool_stack::Service;
pub use report::Report;

/// How long the system may take to recover after the storm.
const RECOVERED_WITHIN: Duration = Duration::from_secs(120);
/// How long Services may still be busy at its end.
const BUSY_FOR: Duration = Duration::from_secs(10);
/// The number of concurrent clients.
const CLAIMERS: u64 = 4;
/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Seed of every random choice. The timing still differs.
    pub seed: u64,
    /// The duration.
    pub duration: Duration,
}

/// Runs a storm, and returns its statistics.
///
/// # Errors
/// A promise is broken (with the ends of the logs), or the lab itself fails.
pub async fn run(lab: &Arc<Lab>, plan: Plan) -> anyhow::Result<Report> {
    let system = System::start(Arc::clone(lab), PACING, 1, plan.seed).await?;
    system
        .settle(Some(PACING.min_idle), RECOVERED_WITHIN)
        .await?;
    let storm = Storm {
        system,
        began: Instant::now(),
        duration: plan.duration,
        report: Report::default(),
        handed_out: Mutex::default(),
        killed: Mutex::default(),
        broken: Mutex::default(),
    };
    let chance =
        |actor: u64| StdRng::seed_from_u64(plan.seed.wrapping_mul(1_000).wrapping_add(actor));
    let claimers = (0..CLAIMERS).map(|number| clients::claim(&storm, number, chance(10 + number)));
    let (_, (), (), died) = tokio::join!(
        futures_util::future::join_all(claimers),
        clients::operate(&storm, chance(1)),
        faults::make(&storm, chance(2)),
        kills::kill_processes(&storm, chance(3)),
    );
    died?;
    let end = recover(&storm).await;
    end.map_err(|error| storm.system.with_logs(&error))
        .with_context(|| format!("seed {}", plan.seed))?;
    Ok(storm.report)
}

/// Ends the faults, restarts both services, and checks the promises.
async fn recover(storm: &Storm) -> anyhow::Result<()> {
    let system = &storm.system;
    system.cloud.clear_faults();
    for part in [Service::ServicesSvc, Service::PoolSvc] {
        system.kill(part, 0).await?;
        system.expire_leases(part, BUSY_FOR).await?;
        system.restart(part, 0, PACING).await?;
    }
    let began = Instant::now();
    let settled = system.settle(None, RECOVERED_WITHIN).await;
    storm.report.recovered_after(began.elapsed());
    let unexpected = system.cloud.unexpected();
    let mut broken = storm
        .broken
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    broken.extend(settled.err().map(|error| format!("{error:#}")));
    broken.extend(
        unexpected
            .first()
            .map(|one| format!("a request that no vendor knows: {one:?}")),
    );
    anyhow::ensure!(broken.is_empty(), "broken: {}", broken.join("; "));
    storm.report.kept(system.claimed().len());
    Ok(())
}
