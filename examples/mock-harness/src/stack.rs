//! The whole stack: Postgres, Services, Pool, and the instances as local processes.

use std::time::Duration;

use agent_pool_client::{Http, Services, status_within};
use agent_pool_core::settings::Environment;
use agent_pool_core::{DeployStatus, Secret};
use agent_pool_service_kit::db::DatabaseUrl;
use agent_pool_service_kit::db::embedded::{Data, Embedded, Options as Cluster};
use anyhow::Context as _;
use tokio::net::TcpListener;
use url::Url;

use crate::cli::{Options, Part};
use crate::ground::Ground;
use crate::home::Home;
use crate::process::Service;
use crate::tools;

/// How often Pool looks at its fleet here; a claim is replaced at once in any case.
const TICK_INTERVAL: Duration = Duration::from_secs(5);

/// Everything that runs. [`Stack::stop`] takes it down in order.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) pool: Service,
    pub(crate) services: Service,
    pub(crate) http: Http,
    pub(crate) key: String,
    postgres: Embedded,
    ground: Ground,
}

impl Stack {
    /// Starts everything; what the last run left is there again. `say` is told each step.
    pub(crate) async fn start(
        options: &Options,
        home: Home,
        say: impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let key = home.api_key()?;
        let http = Http::new("mock-harness")?;
        let process = Environment::of_process();
        let ground = Ground::lay(options, &home).await?;
        let told = tools::told(&options.tools, ground.settings()?, &process)?;
        say("starting Postgres");
        let data = if options.cloud {
            Data::Temporary
        } else {
            Data::Keep(home.postgres())
        };
        let postgres = Embedded::start(Cluster::new(data, &process)).await?;
        say("starting services-svc");
        let database = postgres.database("services").await?;
        let settings = services_settings(&home, told, &key, &database)?;
        let services =
            Service::start(Part::ServicesSvc, &settings, home.log("services-svc")).await?;
        let api = Services::new(&http, services.url().clone(), Secret::new(key.clone()));
        resume(&api, &say).await?;
        say("starting pool-svc");
        let database = postgres.database("pool").await?;
        let port = free_or_any(options.port).await;
        let settings = pool_settings(options, &ground, &key, port, &database, services.url());
        let pool = Service::start(Part::PoolSvc, &settings, home.log("pool-svc")).await?;
        Ok(Self {
            pool,
            services,
            http,
            key,
            postgres,
            ground,
        })
    }

    /// Ends with the reason when a service ends by itself.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.pool.ended() => error,
            error = self.services.ended() => error,
        }
    }

    /// Takes everything down; the data stays. Pool goes first, so that nobody claims what is about
    /// to end, and a failure does not keep the rest up.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let pool = self.pool.stop().await;
        let services = self.services.stop().await;
        let instances = self.ground.stop().await;
        self.postgres.stop().await;
        pool.and(services)
            .and(instances.context("cannot stop the instances"))
    }
}

fn services_settings(
    home: &Home,
    mut settings: Environment,
    key: &str,
    database: &DatabaseUrl,
) -> anyhow::Result<Environment> {
    for (variable, value) in [
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", "0".to_owned()),
        ("POOL_API_KEY", key.to_owned()),
        (
            "SERVICES_DATABASE_URL",
            database.as_secret().expose().to_owned(),
        ),
        ("SERVICES_ENCRYPTION_KEY", home.encryption_key()?),
    ] {
        settings.set(variable, value);
    }
    Ok(settings)
}

fn pool_settings(
    options: &Options,
    ground: &Ground,
    key: &str,
    port: u16,
    database: &DatabaseUrl,
    services: &Url,
) -> Environment {
    Environment::from_iter([
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", port.to_string()),
        ("POOL_API_KEY", key.to_owned()),
        (
            "POOL_DATABASE_URL",
            database.as_secret().expose().to_owned(),
        ),
        ("SERVICES_URL", services.to_string()),
        ("POOL_TOOLS", ground.tools(options)),
        ("POOL_MIN_IDLE", options.min_idle.to_string()),
        ("TICK_INTERVAL_MS", TICK_INTERVAL.as_millis().to_string()),
    ])
}

/// Starts the instances of the last run again, before Pool looks at them: its claimed agents keep
/// their conversations, and its idle ones are warm at once.
async fn resume(services: &Services, say: &impl Fn(&str)) -> anyhow::Result<()> {
    for (id, report) in services.status(status_within(0)).await? {
        if report.status.as_ref().is_some_and(DeployStatus::is_dead) {
            say(&format!("starting instance {id} again"));
            if let Err(error) = services.redeploy(&id).await {
                say(&format!("instance {id} cannot be started again: {error}"));
            }
        }
    }
    Ok(())
}

/// The wanted port where it is free, else 0, which takes any.
async fn free_or_any(port: u16) -> u16 {
    let free = TcpListener::bind(("127.0.0.1", port)).await.is_ok();
    if free { port } else { 0 }
}
