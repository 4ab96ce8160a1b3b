//! What the entry needs to know of a service.

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
    /// The tables that the Node.js original has under the names of tables of ours.
    const ORIGINAL_TABLES: &'static [&'static str];
    /// The paths that it serves.
    const PATHS: Templates;
    /// Its settings, read and checked.
    type Config: Send;

    /// The reference of every variable, in the order of `--help`.
    ///
    /// # Errors
    /// The parts that the service is linked with do not fit together.
    fn reference(environment: &Environment) -> anyhow::Result<Vec<SettingSpec>>;

    /// Reads all settings.
    ///
    /// # Errors
    /// Every variable that is missing or wrong, not only the first.
    fn configure(environment: &Environment) -> anyhow::Result<Self::Config>;

    /// The settings that the entry itself uses.
    fn process_settings(config: &Self::Config) -> ProcessSettings;

    /// Does one thing with the database, which is not migrated for it, and answers the report to print.
    ///
    /// # Errors
    /// It could not be done, or not wholly.
    fn task(
        config: Self::Config,
        db: Db,
        task: Task,
    ) -> impl Future<Output = anyhow::Result<String>> + Send;

    /// Puts the service together. It does nothing in the background until [`Service::start`].
    ///
    /// # Errors
    /// A part cannot be made, such as the HTTP client.
    fn build(config: Self::Config, db: Db, supervisor: Supervisor) -> anyhow::Result<Self>;

    /// Starts what runs in the background, under the supervisor.
    fn start(&self);

    /// The table of routes.
    fn routes(
        &self,
    ) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static;

    /// Ends what the service must end itself, once no request is served any more. The supervisor waits
    /// for its tasks afterwards.
    fn finish(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// The settings that the entry uses.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// Where to listen, and how long a shutdown may take.
    pub http: HttpSettings,
    /// What to log.
    pub log: LogSettings,
    /// The service's database.
    pub database: DatabaseSettings,
}
