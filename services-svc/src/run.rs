//! The process: from the command line to the exit code.

use std::io::Write;

use agent_pool_core::registry::Registry;
use agent_pool_core::settings::Environment;
use agent_pool_service_kit::config::{Command, cli, help};
use agent_pool_service_kit::db::{Db, migrate};
use agent_pool_service_kit::http_server;
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::trace;
use anyhow::Context as _;
use tracing::{info, warn};

use crate::app::App;
use crate::config::Config;
use crate::db::MIGRATIONS;
use crate::ops::recover::recover_periodically;
use crate::ops::sweep::sweep_periodically;
use crate::routes::{PATHS, routes};

const ABOUT: &str =
    "Makes and destroys agent instances out of the providers that it was linked with.";

/// All that a distribution's `main` does: reads the command line and the settings, collects the
/// providers that are linked, migrates the database, and serves until SIGTERM or SIGINT. What is in
/// flight then has `SHUTDOWN_TIMEOUT_MS` to end.
///
/// # Errors
/// Two providers with one id, faults of the settings (all of them in one message), a database that
/// cannot be reached, a port that is taken.
pub async fn run(environment: Environment) -> anyhow::Result<()> {
    match cli(std::env::args().skip(1))? {
        Command::Run => serve(environment).await,
        Command::Help => {
            let registry = Registry::collect(&environment)?;
            print(&help("services-svc", ABOUT, &Config::reference(&registry)))
        }
        Command::Version => print(concat!("services-svc ", env!("CARGO_PKG_VERSION"), "\n")),
    }
}

/// [`run`] without its command line, for a program that has one of its own.
///
/// # Errors
/// As [`run`].
pub async fn serve(environment: Environment) -> anyhow::Result<()> {
    let registry = Registry::collect(&environment)?;
    let config = Config::read(&environment, &registry)
        .map_err(|faults| anyhow::anyhow!("the settings are not right (see --help):\n{faults}"))?;
    trace::init(&config.log)?;
    if !config.cipher.encrypts() {
        warn!("SERVICES_ENCRYPTION_KEY is not set: secrets are kept in the clear");
    }
    let shutdown = Shutdown::on_signals().context("signals cannot be listened to")?;
    let shutdown = shutdown.within(config.http.shutdown_timeout_ms.duration());
    let url = &config.general.services_database_url;
    let connections = config.general.services_database_connections.get();
    migrate(url, MIGRATIONS).await?;
    let db = Db::connect(url, connections.into());
    let app = App::new(config, registry, db).context("no HTTP client")?;

    info!("this replica is {}", app.replica());
    let working = tokio::spawn(work_periodically(app.clone(), shutdown.clone()));
    let http = &app.config().http;
    http_server::serve(http, routes(app.clone()), PATHS, shutdown.clone()).await?;
    working.await?;
    app.drain(shutdown.left()).await;
    info!("goodbye");
    Ok(())
}

/// What the service does periodically until shutdown: it recovers interrupted operations, and sweeps.
pub async fn work_periodically(app: App, shutdown: Shutdown) {
    tokio::join!(
        recover_periodically(app.clone(), shutdown.clone()),
        sweep_periodically(app, shutdown)
    );
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
