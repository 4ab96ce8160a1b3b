//! The running parts of the stack, and the order in which they start and stop.

use std::collections::BTreeSet;
use std::time::Duration;

use agent_pool_client::{Http, Pool, Services, status_within};
use agent_pool_core::settings::Environment;
use agent_pool_core::wire::pool::Status;
use agent_pool_core::{DeployStatus, Secret};
use agent_pool_service_kit::db::DatabaseUrl;
use agent_pool_service_kit::db::embedded::{Data, Embedded, Options as Cluster};
use anyhow::Context as _;
use tokio::net::TcpListener;
use url::Url;

use crate::backend::{Backend, own_command};
use crate::folder::DataFolder;
use crate::options::Options;
use crate::part::Service;
use crate::process::{Log, Process};
use crate::tools;

/// How often Pool reconciles here. It replaces a claimed instance at once in any case.
const TICK_INTERVAL: Duration = Duration::from_secs(5);

/// The running parts. [`Stack::stop`] stops them in order.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) pool: Process,
    pub(crate) services: Process,
    http: Http,
    pub(crate) key: Secret,
    /// The tools of every instance, as in `POOL_TOOLS`.
    tools: String,
    postgres: Embedded,
    backend: Backend,
}

impl Stack {
    /// Starts everything, with the data of the last run. `report` is called with each step.
    pub(crate) async fn start(
        options: &Options,
        folder: &DataFolder,
        report: impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let command = own_command(folder)?;
        let key = Secret::new(folder.api_key()?);
        let http = Http::new(concat!("agent-pool-stack/", env!("CARGO_PKG_VERSION")))?;
        let process = Environment::of_process();
        let backend = Backend::start(options, folder, &report).await?;
        // Before anything is started, so that a missing setting of a tool is reported at once.
        let providers = tools::settings(&options.tools, backend.settings()?, &process)?;
        report("starting Postgres");
        let data = if options.is_kept() {
            Data::Keep(folder.postgres())
        } else {
            Data::Temporary
        };
        let postgres = Embedded::start(Cluster::new(data, &process)).await?;
        let start = |service: Service, settings: Environment| {
            let log = Log::Replace(folder.log(service.name()));
            let command = &command;
            async move { Process::start(command, service, &settings, log).await }
        };
        report("starting services-svc");
        let database = postgres.owned_database("services").await?;
        let settings = services_settings(folder, providers, &key, &database)?;
        let services = start(Service::ServicesSvc, settings).await?;
        let api = Services::new(&http, services.url().clone(), key.clone());
        resume(&api, &report).await?;
        report("starting pool-svc");
        let database = postgres.owned_database("pool").await?;
        let port = free_port(options.port).await;
        let tools = backend.pool_tools(options);
        let mut settings = pool_settings(options, &tools, &key, port, &database, services.url());
        settings.set("POOL_ENCRYPTION_KEY", folder.encryption_key()?);
        let pool = start(Service::PoolSvc, settings).await?;
        Ok(Self {
            pool,
            services,
            http,
            key,
            tools,
            postgres,
            backend,
        })
    }

    /// The API of pool-svc.
    pub(crate) fn pool_api(&self) -> Pool {
        Pool::new(&self.http, self.pool.url().clone(), self.key.clone())
    }

    fn services_api(&self) -> Services {
        Services::new(&self.http, self.services.url().clone(), self.key.clone())
    }

    /// Destroys unclaimed instances with other tools than requested now: the last run may have had other `--tools`.
    /// Pool replaces them. Claimed agents keep their tools.
    pub(crate) async fn replace_outdated(&self, report: impl Fn(&str)) -> anyhow::Result<()> {
        let wanted: BTreeSet<&str> = self.tools.split(',').collect();
        let (pool, services) = (self.pool_api(), self.services_api());
        let instances = pool.status().await?.instances;
        let unclaimed = |status| matches!(status, Status::Idle | Status::Starting);
        for instance in instances.iter().filter(|one| unclaimed(one.status)) {
            // An instance that Services does not know yet is being made now, with these tools.
            let Ok(details) = services.instance(&instance.id).await else {
                continue;
            };
            let tools: BTreeSet<&str> = details
                .tools
                .iter()
                .map(|tool| tool.tool_id.as_str())
                .collect();
            // A creation in progress may not have all of its tools yet.
            let outdated = if instance.status == Status::Idle {
                tools != wanted
            } else {
                !tools.is_subset(&wanted)
            };
            if outdated {
                report(&format!(
                    "replacing instance {}, which has other tools",
                    instance.id
                ));
                pool.kill(&instance.id).await?;
            }
        }
        Ok(())
    }

    /// Waits until a service exits unexpectedly, and returns why.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.pool.exited() => error,
            error = self.services.exited() => error,
        }
    }

    /// Stops everything; the data stays. Pool stops first, so that no instance is claimed that is about to stop. After
    /// a failure the rest is still stopped.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let api = self.services_api();
        let pool = self.pool.stop().await;
        let destroyed = match self.backend.outlives_the_stack() {
            true => destroy_all(&api).await,
            false => Ok(()),
        };
        let services = self.services.stop().await;
        let instances = self.backend.stop().await;
        self.postgres.stop().await;
        pool.and(destroyed)
            .and(services)
            .and(instances.context("cannot stop the instances"))
    }
}

fn services_settings(
    folder: &DataFolder,
    mut settings: Environment,
    key: &Secret,
    database: &DatabaseUrl,
) -> anyhow::Result<Environment> {
    for (variable, value) in [
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", "0".to_owned()),
        ("POOL_API_KEY", key.expose().to_owned()),
        (
            "SERVICES_DATABASE_URL",
            database.as_secret().expose().to_owned(),
        ),
        ("SERVICES_ENCRYPTION_KEY", folder.encryption_key()?),
    ] {
        settings.set(variable, value);
    }
    Ok(settings)
}

fn pool_settings(
    options: &Options,
    tools: &str,
    key: &Secret,
    port: u16,
    database: &DatabaseUrl,
    services: &Url,
) -> Environment {
    Environment::from_iter([
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", port.to_string()),
        ("POOL_API_KEY", key.expose().to_owned()),
        (
            "POOL_DATABASE_URL",
            database.as_secret().expose().to_owned(),
        ),
        ("SERVICES_URL", services.to_string()),
        ("POOL_TOOLS", tools.to_owned()),
        ("POOL_MIN_IDLE", options.min_idle.to_string()),
        ("TICK_INTERVAL_MS", TICK_INTERVAL.as_millis().to_string()),
    ])
}

/// Starts the instances of the last run again, before Pool checks them and marks them as crashed: claimed agents keep
/// their conversations, and idle ones are warm at once.
async fn resume(services: &Services, report: &impl Fn(&str)) -> anyhow::Result<()> {
    for (id, instance) in services.status(status_within(0)).await?.parse()? {
        if instance.status.as_ref().is_some_and(DeployStatus::is_dead) {
            report(&format!("restarting instance {id}"));
            if let Err(error) = services.redeploy(&id).await {
                report(&format!("cannot restart instance {id}: {error}"));
            }
        }
    }
    Ok(())
}

/// Destroys every instance at its infra and its tools' vendors.
async fn destroy_all(services: &Services) -> anyhow::Result<()> {
    for (id, _) in services.status(status_within(0)).await?.parse()? {
        let destroyed = services.destroy(&id).await;
        destroyed.with_context(|| format!("cannot destroy instance {id}"))?;
    }
    Ok(())
}

/// The port if it is free, else 0, for which the system chooses one.
async fn free_port(port: u16) -> u16 {
    let free = TcpListener::bind(("127.0.0.1", port)).await.is_ok();
    if free { port } else { 0 }
}
