//! pool-svc as a process.

use std::convert::Infallible;

use agent_pool_core::settings::{Environment, SettingSpec};
use agent_pool_service_kit::config::Task;
use agent_pool_service_kit::db::{DatabaseSettings, Db};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::process::{ProcessSettings, Service, serve};
use agent_pool_service_kit::supervisor::Supervisor;
use anyhow::Context;
use diesel_migrations::EmbeddedMigrations;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::config::Config;
use crate::db::MIGRATIONS;
use crate::ops::adopt;
use crate::ops::reseal::rekey;
use crate::pool::Pool;
use crate::routes::{PATHS, routes};

/// Database connections of one replica: for claims, for a tick, and for pages and API reads.
const CONNECTIONS: usize = 16;

impl Service for Pool {
    const NAME: &'static str = "pool-svc";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const MIGRATIONS: EmbeddedMigrations = MIGRATIONS;
    const ORIGINAL_TABLES: &'static [&'static str] = adopt::TABLES;
    const PATHS: Templates = PATHS;
    type Config = Config;

    fn reference(_: &Environment) -> anyhow::Result<Vec<SettingSpec>> {
        Ok(Config::reference())
    }

    fn configure(environment: &Environment) -> anyhow::Result<Config> {
        Config::from_env(environment).context("the settings are invalid")
    }

    fn process_settings(config: &Config) -> ProcessSettings {
        ProcessSettings {
            http: config.http.clone(),
            log: config.log.clone(),
            database: DatabaseSettings {
                url: config.pool.pool_database_url.clone(),
                direct_url: config.pool.pool_database_direct_url.clone(),
                max_connections: CONNECTIONS,
                original_url: None,
            },
        }
    }

    async fn task(config: Config, db: Db, task: Task) -> anyhow::Result<String> {
        match task {
            Task::Rekey => rekey(&db, &config.cipher).await,
            Task::Adopt(adoption) => adopt::adopt(&db, &config.cipher, adoption).await,
        }
    }

    fn build(config: Config, db: Db, supervisor: Supervisor) -> anyhow::Result<Self> {
        let app = App::new(config, db).context("cannot make an HTTP client")?;
        Ok(Self::new(app, supervisor))
    }

    fn start(&self) {
        self.declare_pools();
        self.keep_serving();
        self.keep_replenishing();
        self.keep_recovering();
        self.keep_resealing();
        self.keep_ticking();
        self.keep_delivering();
        self.keep_sizing();
        self.keep_reading_usage();
        self.keep_rolling_out();
        self.keep_upgrading();
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

/// Runs the service until SIGTERM or SIGINT, for a program with its own command line.
///
/// # Errors
/// The settings are wrong, the database cannot be migrated, or the port cannot be listened on.
pub async fn run(environment: Environment) -> anyhow::Result<()> {
    serve::<Pool>(environment).await
}
