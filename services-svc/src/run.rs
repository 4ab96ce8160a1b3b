//! services-svc as a process.

use std::convert::Infallible;
use std::process::ExitCode;

use agent_pool_core::registry::Registry;
use agent_pool_core::settings::{Environment, SettingSpec};
use agent_pool_service_kit::config::Task;
use agent_pool_service_kit::db::{DatabaseSettings, Db};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::process::{self, ProcessSettings, Service};
use agent_pool_service_kit::supervisor::Supervisor;
use anyhow::Context as _;
use diesel_migrations::EmbeddedMigrations;
use tracing::{info, warn};
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::config::Config;
use crate::db::MIGRATIONS;
use crate::ops::adopt;
use crate::ops::follow_notices::follow_notices;
use crate::ops::recover::recover_periodically;
use crate::ops::reseal::{keep_resealing, rekey};
use crate::ops::sweep::sweep_periodically;
use crate::routes::{PATHS, routes};

impl Service for App {
    const NAME: &'static str = "services-svc";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const MIGRATIONS: EmbeddedMigrations = MIGRATIONS;
    const ORIGINAL_TABLES: &'static [&'static str] = adopt::TABLES;
    const PATHS: Templates = PATHS;
    type Config = (Config, Registry);

    fn reference(environment: &Environment) -> anyhow::Result<Vec<SettingSpec>> {
        Ok(Config::reference(&Registry::collect(environment)?))
    }

    fn configure(environment: &Environment) -> anyhow::Result<Self::Config> {
        let registry = Registry::collect(environment)?;
        let config = Config::read(environment, &registry).map_err(|faults| {
            anyhow::anyhow!("the settings are invalid (see --help):\n{faults}")
        })?;
        Ok((config, registry))
    }

    fn process_settings((config, _): &Self::Config) -> ProcessSettings {
        ProcessSettings {
            http: config.http.clone(),
            log: config.log.clone(),
            database: DatabaseSettings {
                url: config.general.services_database_url.clone(),
                direct_url: config.general.services_database_direct_url.clone(),
                max_connections: config.general.services_database_connections.get().into(),
                original_url: config.general.original_database_url.clone(),
            },
        }
    }

    async fn task((config, registry): Self::Config, db: Db, task: Task) -> anyhow::Result<String> {
        match task {
            Task::Rekey => rekey(&db, &config.cipher).await,
            Task::Adopt(adoption) => adopt::adopt(&db, &config, &registry, adoption).await,
        }
    }

    fn build(
        (config, registry): Self::Config,
        db: Db,
        supervisor: Supervisor,
    ) -> anyhow::Result<Self> {
        if !config.cipher.encrypts() {
            warn!("SERVICES_ENCRYPTION_KEY is not set: secrets are stored in the clear");
        }
        if !config.access.shared.is_empty() {
            let variables = config.access.shared.join(", ");
            warn!("{variables} are not set: POOL_API_KEY is used instead and opens everything");
        }
        Self::new(config, registry, db, supervisor).context("cannot build an HTTP client")
    }

    fn start(&self) {
        info!("this replica is {}", self.replica());
        let app = self.clone();
        self.supervisor().keep("recover", move |shutdown| {
            recover_periodically(app.clone(), shutdown)
        });
        let app = self.clone();
        self.supervisor().keep("reseal", move |shutdown| {
            keep_resealing(app.clone(), shutdown)
        });
        let app = self.clone();
        self.supervisor().keep("notices", move |shutdown| {
            follow_notices(app.clone(), shutdown)
        });
        let app = self.clone();
        self.supervisor().keep("sweep", move |shutdown| {
            sweep_periodically(app.clone(), shutdown)
        });
    }

    fn routes(
        &self,
    ) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static {
        routes(self.clone())
    }
}

/// The `main` of a distribution. `defaults` are used for variables that the environment does not set.
#[must_use]
pub fn main(defaults: &[(&str, &str)]) -> ExitCode {
    process::main::<App>(defaults)
}

/// Runs the service until SIGTERM or SIGINT, for a program that has a command line of its own.
///
/// # Errors
/// Two providers with the same id, invalid settings (all of them in one message), an unreachable database, or a port in
/// use.
pub async fn serve(environment: Environment) -> anyhow::Result<()> {
    process::serve::<App>(environment).await
}
