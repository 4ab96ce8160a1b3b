//! Migrations, by one replica at a time.

use std::time::Duration;

use diesel_async::{AsyncMigrationHarness, AsyncPgConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::info;

use super::lock::SessionLock;
use super::{DatabaseUrl, DbError};

/// How often a replica looks whether the one that migrates is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Applies the migrations that the database does not have yet.
///
/// Any number of replicas may call it at once: the first migrates under a lock that ends with its
/// connection, and the others wait for it.
///
/// # Errors
/// The database cannot be reached, or a migration fails; those before it stay applied.
pub async fn migrate(url: &DatabaseUrl, migrations: EmbeddedMigrations) -> Result<(), DbError> {
    // Not by waiting inside Postgres: a session that waits there holds a snapshot, and CREATE INDEX
    // CONCURRENTLY in a migration would wait for that in turn.
    let lock = loop {
        match SessionLock::try_take(url, "agent-pool migrations").await? {
            Some(lock) => break lock,
            None => sleep(LOOK_EVERY).await,
        }
    };
    let conn = super::connect::connect(url).await?;
    let applied = spawn_blocking(move || apply(conn, migrations))
        .await
        .map_err(|panic| DbError::Migration(Box::new(panic)))??;
    lock.release().await;
    if !applied.is_empty() {
        info!("migrated the database: {}", applied.join(", "));
    }
    Ok(())
}

/// Diesel's harness is blocking; on a thread of its own it needs no multi-threaded runtime.
fn apply(conn: AsyncPgConnection, migrations: EmbeddedMigrations) -> Result<Vec<String>, DbError> {
    let mut harness = AsyncMigrationHarness::new(conn);
    let applied = harness
        .run_pending_migrations(migrations)
        .map_err(DbError::Migration)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}
