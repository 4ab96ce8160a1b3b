//! Sudden deaths of the services and of Postgres.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::report::count;
use super::{PACING, Storm};
use crate::process::Part;

/// Kills one after another as long as the storm blows, and starts each again.
pub(super) async fn reap(storm: &Storm, mut chance: StdRng) -> anyhow::Result<()> {
    while storm.blows() {
        sleep(Duration::from_millis(chance.random_range(400..2_500))).await;
        let down = Duration::from_millis(chance.random_range(0..500));
        match chance.random_range(0..10) {
            0..4 => {
                count(&storm.report.pool_killed);
                kill(storm, Part::PoolSvc, down).await?;
            }
            4..8 => {
                count(&storm.report.services_killed);
                kill(storm, Part::ServicesSvc, down).await?;
            }
            _ => {
                count(&storm.report.postgres_killed);
                storm.world.ground.kill_postgres().await?;
                storm.world.no_pauses().await?;
            }
        }
    }
    Ok(())
}

async fn kill(storm: &Storm, part: Part, down: Duration) -> anyhow::Result<()> {
    let world = &storm.world;
    world.kill(part, 0).await?;
    sleep(down).await;
    if part == Part::PoolSvc {
        // Its leases are of minutes; those of Services, of less than a second here, run out by themselves.
        world.time_passes(part, down).await?;
    }
    world.restart(part, 0, PACING).await
}
