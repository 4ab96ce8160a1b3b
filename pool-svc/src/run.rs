//! The process, from its settings to its end.

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::migrate;
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::{http_server, trace};
use anyhow::Context;
use tracing::info;

use crate::app::App;
use crate::config::Config;
use crate::db::MIGRATIONS;
use crate::routes::{PATHS, routes};

/// Runs the service until SIGTERM or SIGINT, then finishes the claims in flight, and the creations
/// that do not take long, all within `SHUTDOWN_TIMEOUT_MS`.
///
/// # Errors
/// The settings are wrong, the database cannot be migrated, or the port cannot be listened on.
pub async fn run(environment: Environment) -> anyhow::Result<()> {
    let config = Config::from_env(&environment).context("the settings are not right")?;
    trace::init(&config.log)?;
    let shutdown = Shutdown::on_signals()?.within(config.http.shutdown_timeout_ms.duration());
    migrate(&config.pool.pool_database_url, MIGRATIONS)
        .await
        .context("POOL_DATABASE_URL")?;
    let http = config.http.clone();
    let app = App::new(config)?;
    tokio::spawn(app.clone().keep_ticking(shutdown.clone()));
    tokio::spawn(app.clone().keep_queue(shutdown.clone()));
    http_server::serve(&http, routes(app.clone()), PATHS, shutdown.clone()).await?;
    // A claim whose client hung up has no request any more, and is to be finished all the same.
    let left = shutdown.left();
    tokio::join!(app.finish_claims(left), app.finish_creations(left));
    info!("goodbye");
    Ok(())
}
