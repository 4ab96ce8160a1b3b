//! Both services on databases of the scenario, without proxies in between.

use std::time::Duration;

use agent_pool_client::{CallError, Http, Pool};
use agent_pool_core::Secret;
use agent_pool_core::wire::pool::{ClaimOutcome, Status};
use agent_pool_stack::{Log, Process, Service};
use anyhow::{Context as _, bail, ensure};
use fake_cloud::FakeCloud;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::calls::order;
use crate::lab::http;
use crate::settings::{self, KEY, Pacing};
use crate::settle::LOOK_EVERY;

/// Time limit of every wait.
const WITHIN: Duration = Duration::from_secs(60);
/// Instances to keep idle.
const IDLE: u32 = 2;

const PACING: Pacing = Pacing {
    tick: 1_000,
    lease: 5_000,
    min_idle: IDLE,
    ..Pacing::QUIET
};

/// Two running services.
pub(super) struct Site {
    pool: Process,
    services: Process,
    http: Http,
    probe: reqwest::Client,
    logs: TempDir,
    _cloud: FakeCloud,
}

impl Site {
    /// Starts both on these databases. `exe` is the binary `crash-lab`.
    pub(super) async fn start(
        exe: &std::path::Path,
        pool_database: String,
        services_database: String,
    ) -> anyhow::Result<Self> {
        let mut options = settings::cloud(1);
        "127.0.0.1".clone_into(&mut options.railway.domain_host);
        let cloud = FakeCloud::start(options).await?;
        let logs = TempDir::with_prefix("crash-lab-logs-")?;
        let log = |service: Service| Log::Replace(logs.path().join(service.name()));
        let mut settings = settings::services(PACING, String::new(), services_database, &cloud);
        for (name, value) in cloud.settings() {
            settings.set(name, value);
        }
        let part = Service::ServicesSvc;
        let services = Process::start(&[exe], part, &settings, log(part)).await?;
        let mut settings = settings::pool(PACING, String::new(), pool_database);
        settings.set("SERVICES_URL", services.url().to_string());
        let part = Service::PoolSvc;
        let pool = Process::start(&[exe], part, &settings, log(part)).await?;
        Ok(Self {
            pool,
            services,
            http: Http::new("crash-lab")?,
            probe: http()?,
            logs,
            _cloud: cloud,
        })
    }

    /// Claims an agent once.
    pub(super) async fn claim(
        &self,
        agent: &str,
    ) -> anyhow::Result<Result<ClaimOutcome, CallError>> {
        let mut order = order(agent)?;
        // A row of its own: it is written whether or not an instance is idle.
        order.idempotency_key = Some(nanoid::nanoid!());
        Ok(self.api().claim(&order).await)
    }

    /// Claims an agent like a client that honours `Retry-After`. Returns how long that took.
    pub(super) async fn claim_until_served(&self, agent: &str) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        loop {
            match self.claim(agent).await? {
                Ok(_) => return Ok(begun.elapsed()),
                Err(error) if begun.elapsed() > WITHIN => {
                    return Err(error).context("no claim is served");
                }
                Err(error) => {
                    let refused = error.problem().with_context(|| error.to_string())?;
                    ensure!(
                        refused.status == 503 && error.retry_after().is_some(),
                        "a claim failed with {refused}"
                    );
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// Claims until the database refuses one for one of these reasons, which must be a 503 with `Retry-After`.
    pub(super) async fn claim_until_refused(&self, reasons: &[&str]) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < WITHIN {
            let Err(error) = self.claim("refused").await? else {
                continue;
            };
            let problem = error.problem().with_context(|| error.to_string())?;
            ensure!(
                problem.status == 503 && error.retry_after().is_some(),
                "a claim failed with {problem}, which is not a 503 with Retry-After"
            );
            let problem = problem.to_string();
            if reasons.iter().any(|reason| problem.contains(reason)) {
                return Ok(());
            }
        }
        bail!("every claim was served or found no instance")
    }

    /// Waits until both answer `/readyz` with `status`.
    pub(super) async fn until_ready_is(&self, status: u16) -> anyhow::Result<()> {
        let begun = Instant::now();
        for service in [&self.pool, &self.services] {
            let url = service.url().join("readyz")?;
            loop {
                let answer = self.probe.get(url.clone()).send().await?;
                if answer.status() == status {
                    break;
                }
                ensure!(begun.elapsed() < WITHIN, "{url}: {}", answer.text().await?);
                sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Waits until the pool is warm: then Pool and Services have both written many rows.
    pub(super) async fn until_warm(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut last = String::new();
        while begun.elapsed() < WITHIN {
            match self.api().status().await {
                Ok(status) => {
                    let idle = status.instances.iter();
                    let idle = idle.filter(|one| one.status == Status::Idle).count();
                    if idle >= IDLE as usize {
                        return Ok(());
                    }
                    last = format!("{idle} idle of {}", status.instances.len());
                }
                Err(error) => last = error.to_string(),
            }
            sleep(LOOK_EVERY).await;
        }
        bail!("the pool is not warm: {last}")
    }

    /// Waits until both are ready and the pool is warm, and checks that both are still the same processes.
    pub(super) async fn until_well(&self, processes: [Option<i32>; 2]) -> anyhow::Result<()> {
        self.until_ready_is(200).await?;
        self.until_warm().await?;
        let now = self.processes();
        let same = processes.iter().all(Option::is_some) && processes == now;
        ensure!(same, "a service ended: {processes:?} {now:?}");
        Ok(())
    }

    /// The process ids of both, which a restart would change.
    pub(super) fn processes(&self) -> [Option<i32>; 2] {
        [&self.pool, &self.services].map(|process| process.pid().map(nix::unistd::Pid::as_raw))
    }

    /// An error with both logs added.
    pub(super) fn with_logs(&self, error: &anyhow::Error) -> anyhow::Error {
        let logs = [Service::PoolSvc, Service::ServicesSvc].map(|service| {
            let text = std::fs::read_to_string(self.logs.path().join(service.name()));
            let text = text.unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let end = lines[lines.len().saturating_sub(40)..].join("\n");
            format!("--- {}\n{end}\n", service.name())
        });
        anyhow::anyhow!("{error:#}\n{}", logs.concat())
    }

    fn api(&self) -> Pool {
        Pool::new(&self.http, self.pool.url().clone(), Secret::new(KEY))
    }
}
