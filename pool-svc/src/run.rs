//! pool-svc as a process.

use agent_pool_core::settings::{Environment, SettingSpec};
use agent_pool_service_kit::db::{DatabaseSettings, Db};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::process::{ProcessSettings, Service};
use agent_pool_service_kit::supervisor::Supervisor;
use anyhow::Context;
use diesel_migrations::EmbeddedMigrations;
use std::convert::Infallible;
use warp::Filter;
use warp::reply::Response;

use crate::app::{App, CONNECTIONS};
use crate::config::Config;
use crate::db::MIGRATIONS;
use crate::routes::{PATHS, routes};

impl Service for App {
    const NAME: &'static str = "pool-svc";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const MIGRATIONS: EmbeddedMigrations = MIGRATIONS;
    const PATHS: Templates = PATHS;
    type Config = Config;

    fn reference(_: &Environment) -> anyhow::Result<Vec<SettingSpec>> {
        Ok(Config::reference())
    }

    fn configure(environment: &Environment) -> anyhow::Result<Config> {
        Config::from_env(environment).context("the settings are not right")
    }

    fn process_settings(config: &Config) -> ProcessSettings {
        ProcessSettings {
            http: config.http.clone(),
            log: config.log.clone(),
            database: DatabaseSettings {
                url: config.pool.pool_database_url.clone(),
                max_connections: CONNECTIONS,
            },
        }
    }

    fn build(config: Config, db: Db, supervisor: Supervisor) -> anyhow::Result<Self> {
        Self::build(config, db, supervisor).context("cannot make an HTTP client")
    }

    fn start(&self) {
        let ticking = self.clone();
        self.supervisor.keep("tick", move |shutdown| {
            ticking.clone().keep_ticking(shutdown)
        });
        let queue = self.clone();
        self.supervisor.keep("claim-queue", move |shutdown| {
            queue.clone().keep_queue(shutdown)
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

    async fn finish(&self) {
        // A claim whose client hung up has no request any more, and is finished all the same.
        let left = self.supervisor.shutdown().left();
        tokio::join!(self.finish_claims(left), self.finish_creations(left));
    }
}

/// Runs the service until SIGTERM or SIGINT, for a program that has a command line of its own.
///
/// # Errors
/// The settings are wrong, the database cannot be migrated, or the port cannot be listened on.
pub async fn run(environment: Environment) -> anyhow::Result<()> {
    agent_pool_service_kit::process::serve::<App>(environment).await
}
