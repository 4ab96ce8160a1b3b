//! Replicas of both services, each service behind a plain TCP balancer, with settings that change while they run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::{Http, Pool, Services};
use agent_pool_core::settings::Environment;
use agent_pool_core::wire::pool::{Claimed, PoolStatus, Status};
use agent_pool_core::{InstanceId, Secret};
use agent_pool_stack::{Log, Process, Service};
use anyhow::{Context as _, bail};
use fake_cloud::{FakeCloud, Options};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use url::Url;

use super::balancer::Balancer;
use crate::calls::order;
use crate::lab::Lab;
use crate::runtime::Provisioned;
use crate::settings::{self, KEY, Pacing};
use crate::settle::LOOK_EVERY;

/// Time limit of every wait.
pub(super) const WITHIN: Duration = Duration::from_secs(120);
/// How long a replica may take to exit after SIGTERM.
const EXITS_WITHIN: Duration = Duration::from_secs(60);

/// The vendors of a plant. Instances are reached at this machine, without names.
pub(super) fn cloud(seed: u64) -> Options {
    let mut options = settings::cloud(seed);
    "127.0.0.1".clone_into(&mut options.railway.domain_host);
    options
}

/// A running system.
pub(super) struct Plant {
    pub(super) lab: Arc<Lab>,
    pub(super) cloud: FakeCloud,
    pub(super) provisioned: Provisioned,
    pub(super) pool: Replicas,
    pub(super) services: Replicas,
    http: Http,
    /// The key of all its callers.
    pub(super) key: &'static str,
    logs: TempDir,
}

/// The replicas of one service, and their settings.
pub(super) struct Replicas {
    part: Service,
    /// The program that is started from now on. It has the services as hidden subcommands.
    pub(super) program: PathBuf,
    pub(super) database: String,
    pub(super) settings: Environment,
    balancer: Balancer,
    running: Vec<Option<Process>>,
    log: PathBuf,
}

impl Plant {
    /// Starts `replicas` of each service. `change` may change the settings of Services, which come second.
    pub(super) async fn start(
        lab: &Arc<Lab>,
        replicas: usize,
        pacing: Pacing,
        options: Options,
        change: impl FnOnce(&FakeCloud, &mut Environment),
    ) -> anyhow::Result<Self> {
        let mut plant = Self::prepare(lab, replicas, pacing, options, change).await?;
        plant.start_all().await?;
        Ok(plant)
    }

    /// The same, with empty databases, and only the vendors are started.
    pub(super) async fn prepare(
        lab: &Arc<Lab>,
        replicas: usize,
        pacing: Pacing,
        mut options: Options,
        change: impl FnOnce(&FakeCloud, &mut Environment),
    ) -> anyhow::Result<Self> {
        let provisioned = Provisioned::default();
        options.launcher = Arc::new(provisioned.clone());
        let cloud = FakeCloud::start(options).await?;
        let logs = TempDir::with_prefix("crash-lab-logs-")?;
        let part = Service::ServicesSvc;
        let database = lab.empty_database().await?;
        let url = lab.database_url(&database, None)?;
        let mut settings = settings::services(pacing, String::new(), url, &cloud);
        for (name, value) in cloud.settings() {
            settings.set(name, value);
        }
        change(&cloud, &mut settings);
        let log = logs.path().to_owned();
        let services = Replicas::new(part, lab, database, settings, replicas, &log).await?;
        let part = Service::PoolSvc;
        let database = lab.empty_database().await?;
        let url = lab.database_url(&database, None)?;
        let mut settings = settings::pool(pacing, String::new(), url);
        settings.set("SERVICES_URL", services.balancer.url());
        let pool = Replicas::new(part, lab, database, settings, replicas, &log).await?;
        Ok(Self {
            lab: Arc::clone(lab),
            cloud,
            provisioned,
            pool,
            services,
            http: Http::new("crash-lab")?,
            key: KEY,
            logs,
        })
    }

    /// Starts every replica that is not running.
    pub(super) async fn start_all(&mut self) -> anyhow::Result<()> {
        for replicas in [&mut self.services, &mut self.pool] {
            for index in 0..replicas.running.len() {
                replicas.start(index).await?;
            }
        }
        Ok(())
    }

    /// Stops every replica with SIGTERM.
    pub(super) async fn stop_all(&mut self) -> anyhow::Result<()> {
        for replicas in [&mut self.pool, &mut self.services] {
            for index in 0..replicas.running.len() {
                replicas.stop(index).await?;
            }
        }
        Ok(())
    }

    /// Restarts every replica of both services, one after another, with their current settings.
    pub(super) async fn roll(&mut self) -> anyhow::Result<()> {
        for replicas in [&mut self.services, &mut self.pool] {
            for index in 0..replicas.running.len() {
                replicas.restart(index).await?;
            }
        }
        Ok(())
    }

    /// Pool, through its balancer.
    pub(super) fn pool_url(&self) -> anyhow::Result<Url> {
        Ok(self.pool.balancer.url().parse()?)
    }

    pub(super) fn pool_api(&self) -> anyhow::Result<Pool> {
        Ok(self.pool_api_at(self.pool_url()?))
    }

    pub(super) fn pool_api_at(&self, url: Url) -> Pool {
        Pool::new(&self.http, url, Secret::new(self.key))
    }

    pub(super) fn services_api(&self) -> anyhow::Result<Services> {
        let url = self.services.balancer.url().parse()?;
        Ok(Services::new(&self.http, url, Secret::new(self.key)))
    }

    /// Polls the pool until `wanted` returns a value.
    pub(super) async fn until<T>(
        &self,
        what: &str,
        wanted: impl Fn(&PoolStatus) -> Option<T>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            let seen = self.pool_api()?.status().await;
            if let Ok(status) = &seen
                && let Some(found) = wanted(status)
            {
                return Ok(found);
            }
            if begun.elapsed() > WITHIN {
                bail!("not within {WITHIN:?}: {what}; last {seen:?}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until this number is idle.
    pub(super) async fn until_idle(&self, count: usize) -> anyhow::Result<()> {
        let what = format!("{count} are idle");
        self.until(&what, |status| {
            (with(status, Status::Idle).len() >= count).then_some(())
        })
        .await
    }

    /// Claims an agent as a client that retries after a 503.
    pub(super) async fn claim(&self, agent: &str) -> anyhow::Result<Claimed> {
        let mut order = order(agent)?;
        order.wait = 60;
        let begun = Instant::now();
        loop {
            match self.pool_api()?.claim(&order).await {
                Ok(outcome) => return outcome.claimed().context("pending acceptance"),
                Err(error) if begun.elapsed() > WITHIN => {
                    return Err(error).with_context(|| format!("no claim of {agent} is served"));
                }
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// An error with the ends of both logs added.
    pub(super) fn with_logs(&self, error: &anyhow::Error) -> anyhow::Error {
        let logs = [Service::PoolSvc, Service::ServicesSvc].map(|service| {
            let text = std::fs::read_to_string(self.logs.path().join(service.name()));
            let text = text.unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let end = lines[lines.len().saturating_sub(60)..].join("\n");
            format!("--- {}\n{end}\n", service.name())
        });
        anyhow::anyhow!("{error:#}\n{}", logs.concat())
    }
}

/// The instances in a status.
pub(super) fn with(status: &PoolStatus, wanted: Status) -> Vec<InstanceId> {
    let such = status.instances.iter().filter(|one| one.status == wanted);
    such.map(|one| one.id.clone()).collect()
}

impl Replicas {
    async fn new(
        part: Service,
        lab: &Lab,
        database: String,
        settings: Environment,
        count: usize,
        logs: &std::path::Path,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            part,
            program: lab.exe().to_owned(),
            database,
            settings,
            balancer: Balancer::open().await?,
            running: std::iter::repeat_with(|| None).take(count).collect(),
            log: logs.join(part.name()),
        })
    }

    /// Starts a replica if it is not running.
    async fn start(&mut self, index: usize) -> anyhow::Result<()> {
        if self.running[index].is_none() {
            let log = Log::Append(self.log.clone());
            let started = Process::start(&[&self.program], self.part, &self.settings, log).await?;
            self.running[index] = Some(started);
        }
        self.announce()
    }

    /// Stops a replica with SIGTERM. The balancer is updated only afterwards, so it has to notice that on its own.
    async fn stop(&mut self, index: usize) -> anyhow::Result<()> {
        if let Some(process) = self.running[index].take() {
            process.signal(Signal::SIGTERM)?;
            process.exited_well(EXITS_WITHIN).await?;
        }
        self.announce()
    }

    /// Stops a replica, and starts it with the current program and settings.
    pub(super) async fn restart(&mut self, index: usize) -> anyhow::Result<()> {
        self.stop(index).await?;
        self.start(index).await
    }

    /// The address of one replica, past the balancer.
    pub(super) fn url(&self, index: usize) -> anyhow::Result<Url> {
        let process = self.running[index].as_ref();
        Ok(process.context("the replica is down")?.url().clone())
    }

    fn announce(&self) -> anyhow::Result<()> {
        let running = self.running.iter().flatten();
        let addresses: Result<Vec<_>, _> = running.map(Process::address).collect();
        self.balancer.servers_are(addresses?);
        Ok(())
    }
}
