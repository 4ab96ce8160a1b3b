//! This build replaces the last release while both serve: the new replicas migrate the databases, and no claim fails at
//! an old one meanwhile. An old replica may also start on the migrated databases, as when it crashes halfway.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use super::clients::Clients;
use super::plant::{Plant, WITHIN, cloud};
use crate::lab::Lab;
use crate::rows::Database;
use crate::settings::Pacing;
use crate::settle::LOOK_EVERY;

const IDLE: u32 = 4;
const PACING: Pacing = Pacing {
    min_idle: IDLE,
    max_total: 40,
    ..Pacing::LIVELY
};
/// Clients at each version.
const CLIENTS: u32 = 2;
/// Claims between two steps.
const CLAIMS: u32 = 6;
/// The replica that stays with the last release as long as possible, and the one that is replaced first.
const OLD: usize = 0;
const NEW: usize = 1;

/// The result of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Migrations of the new version, in Pool's and in Services' database.
    pub migrations: [i64; 2],
    /// Claims that the last release served.
    pub old_claims: u32,
    /// Claims that this build served.
    pub new_claims: u32,
    /// How long all of it took.
    pub took: Duration,
}

/// Runs the scenario. The program of `lab` is the last release, and `new` is this build.
///
/// # Errors
/// A claim or a tick fails, a replica does not start or exit, or an agent is lost.
pub async fn run(lab: &Arc<Lab>, new: PathBuf) -> anyhow::Result<Report> {
    let mut plant = Plant::start(lab, 2, PACING, cloud(1), |_, _| {}).await?;
    let done = steps(&mut plant, &new).await;
    done.map_err(|error| plant.with_logs(&error))
}

async fn steps(plant: &mut Plant, new: &Path) -> anyhow::Result<Report> {
    let begun = Instant::now();
    plant.until_idle(IDLE as usize).await?;
    let agent = plant.claim("Ann").await?.instance_id;
    let before = migrations(plant).await?;
    let mut at_old = clients(plant, "the last release", OLD)?;
    at_old.until_more(CLAIMS).await?;

    // Services first, as docs/day-two.md says.
    new.clone_into(&mut plant.services.program);
    plant.services.restart(NEW).await?;
    at_old.until_more(CLAIMS).await?;
    new.clone_into(&mut plant.pool.program);
    plant.pool.restart(NEW).await?;
    let after = migrations(plant).await?;
    let mut at_new = clients(plant, "this build", NEW)?;
    at_old.until_more(CLAIMS).await?;
    at_new.until_more(CLAIMS).await?;
    tick(plant, OLD).await?;
    let old_claims = at_old.end().await?.served;

    let release = plant.lab.exe().to_owned();
    for replicas in [&mut plant.services, &mut plant.pool] {
        release.clone_into(&mut replicas.program);
        replicas.restart(OLD).await?;
    }
    let mut restarted = clients(plant, "the last release, restarted", OLD)?;
    restarted.until_more(1).await?;
    let old_claims = old_claims + restarted.end().await?.served;

    for replicas in [&mut plant.services, &mut plant.pool] {
        new.clone_into(&mut replicas.program);
        replicas.restart(OLD).await?;
    }
    at_new.until_more(CLAIMS).await?;
    let new_claims = at_new.end().await?.served;
    tick(plant, NEW).await?;
    let view = plant.pool_api()?.instance(&agent).await?;
    ensure!(
        view.agent_name.as_deref() == Some("Ann"),
        "Ann became {view:?}"
    );
    Ok(Report {
        migrations: [after[0] - before[0], after[1] - before[1]],
        old_claims,
        new_claims,
        took: begun.elapsed(),
    })
}

fn clients(plant: &Plant, name: &'static str, replica: usize) -> anyhow::Result<Clients> {
    let url = plant.pool.url(replica)?;
    Ok(Clients::start(name, &url, &plant.lab.http(), CLIENTS))
}

/// Runs a tick on a replica of Pool, once the other one is not ticking.
async fn tick(plant: &Plant, replica: usize) -> anyhow::Result<()> {
    let pool = plant.pool_api_at(plant.pool.url(replica)?);
    let deadline = Instant::now() + WITHIN;
    loop {
        let tick = pool.reconcile().await?;
        ensure!(tick.unobserved.is_none(), "a tick failed: {tick:?}");
        if tick.ran {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the replica gets no turn");
        sleep(LOOK_EVERY).await;
    }
}

/// The number of migrations of Pool's and of Services' database.
async fn migrations(plant: &Plant) -> anyhow::Result<[i64; 2]> {
    let mut counts = [0; 2];
    let databases = [&plant.pool.database, &plant.services.database];
    for (count, database) in counts.iter_mut().zip(databases) {
        let session = Database::connect(&plant.lab.database_url(database, None)?).await?;
        let query = "SELECT count(*) FROM __diesel_schema_migrations";
        *count = session.number(query).await?;
    }
    Ok(counts)
}
