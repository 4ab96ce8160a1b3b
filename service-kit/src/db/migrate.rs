//! Migrations, by one replica at a time.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::connect::connect;
use super::lock::ReplicaLock;
use super::{DatabaseUrl, DbError};
use crate::shutdown::Shutdown;

/// How often a replica checks whether the migrating one has finished.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the wait is logged.
const LOG_EVERY: Duration = Duration::from_secs(10);
const LOCK: &str = "agent-pool migrations";

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// The schema is up to date.
    Complete,
    /// The shutdown came while another replica was migrating.
    Interrupted,
}

/// The services cannot use this database.
#[derive(Debug, thiserror::Error)]
#[error(
    "its encoding is {0}: expected UTF8. Create it anew, for example with CREATE DATABASE name ENCODING \
     'UTF8' TEMPLATE template0"
)]
struct WrongEncoding(String);

#[derive(QueryableByName)]
struct Encoding {
    #[diesel(sql_type = Text)]
    encoding: String,
}

/// Applies the migrations that the database does not have yet.
///
/// Any number of replicas may call it concurrently: the first migrates under a lock that ends with its connection, and
/// the others wait.
///
/// # Errors
/// The database cannot be reached or does not store UTF-8, or a migration fails; earlier migrations stay applied.
pub async fn migrate(url: &DatabaseUrl, migrations: EmbeddedMigrations) -> Result<(), DbError> {
    migrate_until(url, migrations, &Shutdown::new())
        .await
        .map(|_| ())
}

/// Like [`migrate`], but stops waiting for another replica at shutdown. A running migration is finished, because an
/// interrupted one may leave an invalid index.
///
/// # Errors
/// See [`migrate`].
pub async fn migrate_until(
    url: &DatabaseUrl,
    migrations: EmbeddedMigrations,
    shutdown: &Shutdown,
) -> Result<Migrated, DbError> {
    let lock = tokio::select! {
        lock = wait_for_lock(url) => lock?,
        () = shutdown.wait() => return Ok(Migrated::Interrupted),
    };
    let mut conn = connect(url).await?;
    require_utf8(&mut conn).await?;
    let applied = spawn_blocking(move || apply(conn, migrations))
        .await
        .map_err(|panic| DbError::Migration(Box::new(panic)))??;
    lock.release().await;
    if !applied.is_empty() {
        info!("migrated the database: {}", applied.join(", "));
    }
    Ok(Migrated::Complete)
}

/// Polls instead of waiting inside Postgres: a session that waits there holds a snapshot, for which CREATE INDEX
/// CONCURRENTLY in a migration would wait in turn.
async fn wait_for_lock(url: &DatabaseUrl) -> Result<ReplicaLock, DbError> {
    let started = Instant::now();
    let mut logged = None::<Instant>;
    loop {
        if let Some(lock) = ReplicaLock::try_take(url, LOCK).await? {
            return Ok(lock);
        }
        if logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            logged = Some(Instant::now());
            let seconds = started.elapsed().as_secs();
            info!("waiting for another replica to migrate the database, {seconds} s so far");
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn require_utf8(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    let query = "SELECT current_setting('server_encoding') AS encoding";
    let Encoding { encoding } = diesel::sql_query(query).get_result(conn).await?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(DbError::Migration(Box::new(WrongEncoding(encoding))))
}

/// Diesel's harness is blocking; on its own thread it needs no multi-threaded runtime.
fn apply(conn: AsyncPgConnection, migrations: EmbeddedMigrations) -> Result<Vec<String>, DbError> {
    let mut harness = AsyncMigrationHarness::new(conn);
    let applied = harness
        .run_pending_migrations(migrations)
        .map_err(DbError::Migration)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}
