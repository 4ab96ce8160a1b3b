//! A whole system: the fake vendors, two databases, and replicas of both services, each behind its own proxies.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use agent_pool_client::Http;
use agent_pool_core::settings::Environment;
use agent_pool_core::wire::pool::Claimed;
use anyhow::Context as _;
use fake_cloud::FakeCloud;
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::sync::Mutex;
use url::Url;

use crate::http_proxy::{Directory, HttpProxy};
use crate::interceptor::Interceptor;
use crate::lab::Lab;
use crate::own_database::OwnDatabase;
use crate::pg_proxy::PgProxy;
use crate::rows::Database;
use crate::runtime::Provisioned;
use crate::settings::{self, Pacing, Phases};
use agent_pool_stack::{Log, Process, Service};

/// The lines of each log that a failure shows.
const LOG_LINES: usize = 40;
const DOWN: &str = "the replica is down";

/// One whole system.
#[derive(Debug)]
pub struct System {
    pub(crate) lab: Arc<Lab>,
    pub(crate) cloud: FakeCloud,
    pub(crate) provisioned: Provisioned,
    pub(crate) http: Http,
    pub(crate) pools: Vec<Replica>,
    pub(crate) services: Vec<Replica>,
    /// The acknowledged claims whose instance nobody killed since.
    pub(crate) acknowledged: StdMutex<Vec<Claimed>>,
    /// When instances get their tools.
    pub(crate) phases: Phases,
    directory: Arc<Directory>,
    pool_database: OwnDatabase,
    services_database: OwnDatabase,
    logs: TempDir,
}

/// One replica. It outlives its process: the next process has the same proxies.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) part: Service,
    pub(crate) interceptor: Arc<Interceptor>,
    process: Mutex<Option<Process>>,
    /// Whether it is paused, and gets no new requests.
    asleep: AtomicBool,
    http: HttpProxy,
    database: PgProxy,
    log: PathBuf,
}

impl System {
    /// Starts a system with this number of replicas of each service.
    ///
    /// # Errors
    /// A part does not start.
    pub async fn start(
        lab: Arc<Lab>,
        pacing: Pacing,
        replicas: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let provisioned = Provisioned::default();
        let mut options = settings::cloud(seed);
        options.launcher = Arc::new(provisioned.clone());
        let cloud = FakeCloud::start(options).await?;
        let directory = Arc::new(Directory::default());
        directory.cloud_is(cloud.authority());
        let mut system = Self {
            pool_database: OwnDatabase::new(lab.database(Service::PoolSvc).await?),
            services_database: OwnDatabase::new(lab.database(Service::ServicesSvc).await?),
            lab,
            cloud,
            provisioned,
            http: Http::new("crash-lab")?,
            pools: Vec::new(),
            services: Vec::new(),
            acknowledged: StdMutex::default(),
            phases: pacing.phases,
            directory,
            logs: tempfile::Builder::new()
                .prefix("crash-lab-logs-")
                .tempdir()?,
        };
        for index in 0..replicas {
            let replica = system.replica(Service::ServicesSvc, index).await?;
            system.services.push(replica);
            let replica = system.replica(Service::PoolSvc, index).await?;
            system.pools.push(replica);
        }
        for part in [Service::ServicesSvc, Service::PoolSvc] {
            for index in 0..replicas {
                system.restart(part, index, pacing).await?;
            }
        }
        Ok(system)
    }

    async fn replica(&self, part: Service, index: usize) -> anyhow::Result<Replica> {
        let interceptor = Arc::new(Interceptor::default());
        Ok(Replica {
            part,
            process: Mutex::default(),
            asleep: AtomicBool::new(false),
            http: HttpProxy::open(
                Arc::clone(&interceptor),
                Arc::clone(&self.directory),
                self.lab.http(),
            )
            .await?,
            database: PgProxy::open(Arc::clone(&interceptor), self.lab.upstream()).await?,
            log: self
                .logs
                .path()
                .join(format!("{}-{index}.log", part.name())),
            interceptor,
        })
    }

    pub(crate) fn replicas(&self, part: Service) -> &[Replica] {
        match part {
            Service::PoolSvc => &self.pools,
            Service::ServicesSvc => &self.services,
        }
    }

    /// Kills a replica if it runs, and starts it again.
    pub(crate) async fn restart(
        &self,
        part: Service,
        index: usize,
        pacing: Pacing,
    ) -> anyhow::Result<()> {
        self.kill(part, index).await?;
        let replica = &self.replicas(part)[index];
        let settings = self.settings(replica, pacing)?;
        let log = Log::Append(replica.log.clone());
        let process = Process::start(&[self.lab.exe()], part, &settings, log).await?;
        replica
            .interceptor
            .watch(process.pid().context("it has just started")?);
        *replica.process.lock().await = Some(process);
        self.announce().await
    }

    /// Kills a replica with SIGKILL.
    pub(crate) async fn kill(&self, part: Service, index: usize) -> anyhow::Result<()> {
        let replica = &self.replicas(part)[index];
        replica.interceptor.detach();
        let running = replica.process.lock().await.take();
        if let Some(process) = running {
            process.kill().await?;
        }
        self.announce().await
    }

    /// Sends a signal to a running replica.
    pub(crate) async fn signal(
        &self,
        part: Service,
        index: usize,
        signal: Signal,
    ) -> anyhow::Result<()> {
        let replica = &self.replicas(part)[index];
        let running = replica.process.lock().await;
        running.as_ref().context(DOWN)?.signal(signal)?;
        drop(running);
        if signal == Signal::SIGSTOP {
            replica.asleep.store(true, Ordering::Relaxed);
        } else if signal == Signal::SIGCONT {
            replica.asleep.store(false, Ordering::Relaxed);
        }
        self.announce().await
    }

    /// Waits until a replica exits on its own, with success.
    pub(crate) async fn ended(
        &self,
        part: Service,
        index: usize,
        within: Duration,
    ) -> anyhow::Result<()> {
        let replica = &self.replicas(part)[index];
        let running = replica.process.lock().await.take();
        let ended = running.context(DOWN)?.exited_well(within).await;
        replica.interceptor.detach();
        self.announce().await?;
        ended.with_context(|| format!("{} after SIGTERM", part.name()))
    }

    /// Sets in the proxies which replicas of Services are running.
    async fn announce(&self) -> anyhow::Result<()> {
        let mut all = Vec::new();
        for replica in &self.services {
            let running = replica.process.lock().await;
            let awake = running.as_ref();
            if let Some(process) = awake.filter(|_| !replica.asleep.load(Ordering::Relaxed)) {
                all.push(process.address()?);
            }
        }
        self.directory.services_are(all);
        Ok(())
    }

    fn settings(&self, replica: &Replica, pacing: Pacing) -> anyhow::Result<Environment> {
        let proxy = replica.http.url();
        let port = Some(replica.database.port());
        Ok(match replica.part {
            Service::PoolSvc => {
                let url = self.lab.database_url(&self.pool_database.name, port)?;
                settings::pool(pacing, proxy, url)
            }
            Service::ServicesSvc => {
                let url = self.lab.database_url(&self.services_database.name, port)?;
                settings::services(pacing, proxy, url, &self.cloud)
            }
        })
    }

    /// The address of a replica; an error while it is down.
    pub(crate) async fn url(&self, part: Service, index: usize) -> anyhow::Result<Url> {
        let process = self.replicas(part)[index].process.lock().await;
        let process = process.as_ref().context(DOWN)?;
        Ok(process.url().clone())
    }

    pub(crate) async fn pool_database(&self) -> anyhow::Result<Database> {
        self.pool_database.session(&self.lab).await
    }

    pub(crate) async fn services_database(&self) -> anyhow::Result<Database> {
        self.services_database.session(&self.lab).await
    }

    pub(crate) fn acknowledge(&self, claimed: Claimed) {
        let mut all = self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.push(claimed);
    }

    /// The acknowledged claims.
    pub(crate) fn claimed(&self) -> Vec<Claimed> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets the claim of an instance that is about to be killed.
    pub(crate) fn forget_claim(&self, instance: &str) {
        let mut all = self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.retain(|claim| claim.instance_id.as_str() != instance);
    }

    /// Forgets all acknowledged claims after the first `count`.
    pub(crate) fn forget_claims_but(&self, count: usize) {
        let mut all = self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.truncate(count);
    }

    /// The content of all logs.
    pub(crate) fn logged(&self) -> String {
        let all = self.pools.iter().chain(&self.services);
        all.map(|replica| std::fs::read_to_string(&replica.log).unwrap_or_default())
            .collect()
    }

    /// An error with the ends of all logs added.
    pub(crate) fn with_logs(&self, error: &anyhow::Error) -> anyhow::Error {
        let all = self.pools.iter().chain(&self.services);
        let ends = all.map(|replica| {
            let text = std::fs::read_to_string(&replica.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            format!("--- {}\n{end}\n", replica.log.display())
        });
        anyhow::anyhow!("{error:#}\n{}", ends.collect::<String>())
    }
}
