//! Railway allows one new project in 30 seconds: a pool with a project per instance reports that limit while it fills.

use std::sync::Arc;

use agent_pool_core::wire::pool::Status;
use anyhow::ensure;

use super::plant::{Plant, cloud, with};
use crate::lab::Lab;
use crate::settings::Pacing;

const PACING: Pacing = Pacing {
    tick: 1_000,
    min_idle: 3,
    ..Pacing::QUIET
};
/// Minimum time between two projects, in milliseconds, as at Railway.
const INTERVAL: u64 = 30_000;

/// The reported creation failure.
#[derive(Debug, Clone)]
pub struct Report {
    /// The cause.
    pub cause: String,
    /// The sentence for people.
    pub error: String,
}

/// Runs the scenario.
///
/// # Errors
/// The status of the pool does not name the limit.
pub async fn run(lab: &Arc<Lab>) -> anyhow::Result<Report> {
    let mut options = cloud(1);
    options.railway.project_gap_ms = INTERVAL;
    let plant = Plant::start(lab, 1, PACING, options, |cloud, settings| {
        for shared in ["RAILWAY_PROJECT_ID", "RAILWAY_ENVIRONMENT_ID"] {
            settings.set(shared, "");
        }
        settings.set("RAILWAY_WORKSPACE_ID", cloud.railway_workspace_id());
        // Shorter than the interval: a creation does not wait for its turn.
        settings.set("PROVIDER_TIMEOUT_MS", "20000");
    })
    .await?;
    let done = steps(&plant).await;
    done.map_err(|error| plant.with_logs(&error))
}

async fn steps(plant: &Plant) -> anyhow::Result<Report> {
    let limit = format!("at most {} instances an hour", 3_600_000 / INTERVAL);
    let report = plant
        .until("the limit of new projects is a cause", |status| {
            let mut causes = status.creation_failures.iter();
            let named = causes.find(|failure| failure.error.contains(&limit))?;
            Some(Report {
                cause: named.cause.clone(),
                error: named.error.clone(),
            })
        })
        .await?;
    ensure!(report.cause.contains("railway"), "{report:?}");
    plant
        .until("one instance exists", |status| {
            let made = [Status::Starting, Status::Idle].map(|one| with(status, one).len());
            (made.iter().sum::<usize>() > 0).then_some(())
        })
        .await?;
    Ok(report)
}
