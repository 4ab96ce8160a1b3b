//! The interface between the entry and a service.

use std::convert::Infallible;

use agent_pool_core::settings::{Environment, SettingSpec};
use diesel_migrations::EmbeddedMigrations;
use warp::Filter;
use warp::reply::Response;

use crate::config::{HttpSettings, Task};
use crate::db::{DatabaseSettings, Db};
use crate::http_server::Templates;
use crate::supervisor::Supervisor;
use crate::trace::LogSettings;

/// A service, as [`super::main`] runs it.
pub trait Service: Clone + Send + Sync + 'static {
    /// The name of its binary.
    const NAME: &'static str;
    /// Its version: `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One sentence for `--help`.
    const ABOUT: &'static str;
    /// The schema of its database.
    const MIGRATIONS: EmbeddedMigrations;
    /// The tables of the Node.js original that have the names of our tables.
    const ORIGINAL_TABLES: &'static [&'static str];
    /// The paths that it serves.
    const PATHS: Templates;
    /// Its settings, parsed and validated.
    type Config: Send;

    /// The specs of every variable, in the order of `--help`.
    ///
    /// # Errors
    /// The linked parts of the service conflict.
    fn reference(environment: &Environment) -> anyhow::Result<Vec<SettingSpec>>;

    /// Reads all settings.
    ///
    /// # Errors
    /// Every variable that is missing or invalid, not only the first.
    fn configure(environment: &Environment) -> anyhow::Result<Self::Config>;

    /// The settings that the entry itself uses.
    fn process_settings(config: &Self::Config) -> ProcessSettings;

    /// Runs one task on the database, which is not migrated for it, and returns the report to print.
    ///
    /// # Errors
    /// It failed, completely or in part.
    fn task(
        config: Self::Config,
        db: Db,
        task: Task,
    ) -> impl Future<Output = anyhow::Result<String>> + Send;

    /// Builds the service. It does nothing in the background until [`Service::start`].
    ///
    /// # Errors
    /// A part cannot be built, such as the HTTP client.
    fn build(config: Self::Config, db: Db, supervisor: Supervisor) -> anyhow::Result<Self>;

    /// Starts the background tasks, under the supervisor.
    fn start(&self);

    /// The table of routes.
    fn routes(
        &self,
    ) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static;

    /// Stops work that the service must stop itself, once no more requests are served. Afterwards the supervisor
    /// waits for its tasks.
    fn finish(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// The settings that the entry uses.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// Where to listen, and how long a shutdown may take.
    pub http: HttpSettings,
    /// The settings of the log.
    pub log: LogSettings,
    /// The service's database.
    pub database: DatabaseSettings,
}
