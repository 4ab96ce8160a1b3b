//! Restores a database from a backup (Pool's, Services' or both): agents that were claimed later are left alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::SweepRequest;
use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use tempfile::TempDir;
use tokio::process::Command;

use super::plant::{Plant, cloud};
use crate::lab::Lab;
use crate::rows::Database;
use crate::settings::{ENVIRONMENT, Pacing};

const IDLE: u32 = 2;
const PACING: Pacing = Pacing {
    min_idle: IDLE,
    ..Pacing::LIVELY
};
/// Ticks after the restart, enough to examine everything.
const TICKS: usize = 5;

/// Which database is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Restored {
    /// Pool's.
    Pool,
    /// That of Services.
    Services,
    /// Both.
    Both,
}

impl Restored {
    /// Every case.
    pub const ALL: [Self; 3] = [Self::Pool, Self::Services, Self::Both];
}

/// Agents that survived the restore.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which database was restored.
    pub restored: Restored,
    /// Their names.
    pub unharmed: Vec<String>,
    /// Orphans that the sweep found, without destroying any agent.
    pub orphans: usize,
}

/// Runs the scenario.
///
/// # Errors
/// A claimed agent is harmed, or the pool serves no claims afterwards.
pub async fn run(lab: &Arc<Lab>, restored: Restored) -> anyhow::Result<Report> {
    let mut plant = Plant::start(lab, 1, PACING, cloud(1), |_, _| {}).await?;
    let done = steps(&mut plant, restored).await;
    done.map_err(|error| plant.with_logs(&error.context(format!("{restored:?}"))))
}

async fn steps(plant: &mut Plant, restored: Restored) -> anyhow::Result<Report> {
    let backup = Backup::new(plant).await?;
    plant.until_idle(IDLE as usize).await?;
    let mut agents = BTreeMap::new();
    claim(plant, &mut agents, "Ann").await?;
    let gone = claim(plant, &mut agents, "Eve").await?;
    plant.until_idle(IDLE as usize).await?;
    backup.take(plant).await?;
    // After the backup, instances that were idle are claimed, and new ones too.
    for name in ["Bob", "Cy", "Dee"] {
        claim(plant, &mut agents, name).await?;
    }
    plant.pool_api()?.kill(&gone).await?;
    agents.remove("Eve");
    plant.until_idle(IDLE as usize).await?;
    plant.stop_all().await?;
    backup.restore(plant, restored).await?;
    plant.start_all().await?;
    for _ in 0..TICKS {
        plant.pool_api()?.reconcile().await?;
    }
    for name in ["Fay", "Gus", "Hal"] {
        let id = plant.claim(name).await?.instance_id;
        let taken = agents.iter().find(|(_, other)| **other == id);
        ensure!(taken.is_none(), "{name} got the instance of {taken:?}");
        agents.insert(name.to_owned(), id);
    }
    let everything = SweepRequest {
        destroy: true,
        ..SweepRequest::default()
    };
    let swept = plant.services_api()?.sweep(&everything).await?;
    for _ in 0..TICKS {
        plant.pool_api()?.reconcile().await?;
    }
    unharmed(plant, &agents)?;
    Ok(Report {
        restored,
        unharmed: agents.into_keys().collect(),
        orphans: swept.orphans.len(),
    })
}

async fn claim(
    plant: &Plant,
    agents: &mut BTreeMap<String, InstanceId>,
    name: &str,
) -> anyhow::Result<InstanceId> {
    let id = plant.claim(name).await?.instance_id;
    agents.insert(name.to_owned(), id.clone());
    Ok(id)
}

/// Each agent's instance runs, was provisioned for no one else, and has its variables.
fn unharmed(plant: &Plant, agents: &BTreeMap<String, InstanceId>) -> anyhow::Result<()> {
    let railway = plant.cloud.state().railway;
    for (name, id) in agents {
        let label = format!("ap-{ENVIRONMENT}-{id}");
        let mut services = railway.services.iter();
        let service = services.rfind(|one| one.name == label);
        let service =
            service.with_context(|| format!("{name}'s service {label} does not exist"))?;
        let mut instances = railway.instances.iter();
        let instance = instances.find(|one| one.service_id == service.id);
        let instance = instance.with_context(|| format!("{name}'s instance does not exist"))?;
        ensure!(instance.running, "{name}'s instance does not run");
        let given = plant.provisioned.for_service(&label);
        ensure!(
            given == [name.as_str()],
            "{name}'s instance was given to {given:?}"
        );
        let variable = instance.variables.get("AGENT_NAME");
        ensure!(
            variable == Some(name),
            "{name}'s instance is configured as {variable:?}"
        );
    }
    Ok(())
}

/// Copies of both databases, made by `pg_dump`.
struct Backup {
    folder: TempDir,
    programs: PathBuf,
}

impl Backup {
    async fn new(plant: &Plant) -> anyhow::Result<Self> {
        let session = session(plant, &plant.pool.database).await?;
        let programs = "SELECT setting FROM pg_config WHERE name = 'BINDIR'";
        Ok(Self {
            folder: TempDir::with_prefix("crash-lab-backup-")?,
            programs: session.text(programs).await?.into(),
        })
    }

    async fn take(&self, plant: &Plant) -> anyhow::Result<()> {
        for database in [&plant.pool.database, &plant.services.database] {
            let mut dump = Command::new(self.programs.join("pg_dump"));
            dump.arg("--format=custom").arg("--file");
            dump.arg(self.file(database));
            dump.arg(plant.lab.database_url(database, None)?);
            run_program(dump).await?;
        }
        Ok(())
    }

    async fn restore(&self, plant: &Plant, restored: Restored) -> anyhow::Result<()> {
        let (pool, services) = (&plant.pool.database, &plant.services.database);
        let databases: &[&String] = match restored {
            Restored::Pool => &[pool],
            Restored::Services => &[services],
            Restored::Both => &[pool, services],
        };
        let session = session(plant, "postgres").await?;
        for database in databases {
            let drop = format!("DROP DATABASE {database} WITH (FORCE)");
            session.execute(&drop).await?;
            let create = format!("CREATE DATABASE {database}");
            session.execute(&create).await?;
            let mut restore = Command::new(self.programs.join("pg_restore"));
            restore.arg("--dbname");
            restore.arg(plant.lab.database_url(database, None)?);
            restore.arg(self.file(database));
            run_program(restore).await?;
        }
        Ok(())
    }

    fn file(&self, database: &str) -> PathBuf {
        self.folder.path().join(Path::new(database))
    }
}

async fn session(plant: &Plant, database: &str) -> anyhow::Result<Database> {
    Database::connect(&plant.lab.database_url(database, None)?).await
}

async fn run_program(mut program: Command) -> anyhow::Result<()> {
    let output = program.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program:?}: {said}");
    Ok(())
}
