//! The process: from its settings to its end.

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::migrate;
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::supervisor::Supervisor;
use agent_pool_service_kit::{http_server, trace};
use anyhow::Context;
use tracing::info;

use crate::app::App;
use crate::config::Config;
use crate::db::MIGRATIONS;
use crate::pool::Pool;
use crate::routes::{PATHS, routes};

/// Runs the service until SIGTERM or SIGINT, then finishes the work in flight within
/// `SHUTDOWN_TIMEOUT_MS`. A creation gets 30 s of that: the replica that takes it over asks Services
/// again.
///
/// # Errors
/// The settings are wrong, the database cannot be migrated, or the port is taken.
pub async fn run(environment: Environment) -> anyhow::Result<()> {
    let config = Config::from_env(&environment).context("the settings are not right")?;
    trace::init(&config.log)?;
    let shutdown = Shutdown::on_signals()?.within(config.http.shutdown_timeout_ms.duration());
    migrate(&config.pool.pool_database_url, MIGRATIONS)
        .await
        .context("POOL_DATABASE_URL")?;
    let http = config.http.clone();
    let tasks = Supervisor::new(shutdown.clone());
    let pool = Pool::new(App::new(config)?, tasks.clone());
    pool.keep_serving();
    pool.keep_replenishing();
    pool.keep_recovering();
    pool.keep_ticking();
    http_server::serve(&http, routes(pool), PATHS, shutdown.clone()).await?;
    // A claim whose client hung up has no request any more, and still has to be finished.
    tasks.finish(shutdown.left()).await;
    info!("goodbye");
    Ok(())
}
