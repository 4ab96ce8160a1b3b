//! Inspects a database without changing it, to find out whether a service can run on it.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel_migrations::EmbeddedMigrations;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::connect::client;
use super::pooler::share_sessions;
use super::{DatabaseUrl, DbError};

/// The properties of a database and the state of its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The server's version, such as `17.2`.
    pub server_version: String,
    /// The server and the database on it: the same for two addresses of one database.
    pub identity: String,
    /// The encoding of the database, such as `UTF8`.
    pub encoding: String,
    /// Why the role cannot write or migrate; `None` if it can.
    pub write_obstacle: Option<String>,
    /// Milliseconds by which the server's clock is ahead of ours; negative if it is behind.
    pub clock_ahead_ms: i64,
    /// Whether a connection keeps one session of the server. Behind a pooler in transaction mode it does not, and
    /// session locks, settings and notifications are lost.
    pub keeps_session: bool,
    /// The pending migrations, in order.
    pub pending: Vec<String>,
    /// The versions of applied migrations that this build does not know: a newer build has migrated it.
    pub unknown: Vec<String>,
}

/// Only text queries: a prepared statement may fail behind a pooler, which this is meant to detect.
const SERVER: &str = "SELECT
    split_part(current_setting('server_version'), ' ', 1),
    current_setting('server_encoding'),
    to_regclass('__diesel_schema_migrations') IS NOT NULL,
    CASE
        WHEN pg_is_in_recovery() THEN 'the server is a standby, which is read-only'
        WHEN current_setting('transaction_read_only') = 'on' THEN 'transactions are read-only'
        WHEN current_schema() IS NULL THEN 'no schema of search_path exists'
        WHEN NOT has_schema_privilege(current_schema(), 'CREATE')
            THEN format('role %I may not create tables in schema %I', current_user, current_schema())
    END,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
    (SELECT format('%s/%s since %s', datname, oid, extract(epoch FROM pg_postmaster_start_time()))
     FROM pg_database WHERE datname = current_database())";

/// Inspects the database of `url`, to which `migrations` belong. Diesel's own harness would create its table.
///
/// # Errors
/// The database cannot be reached or read.
pub async fn inspect(
    url: &DatabaseUrl,
    migrations: EmbeddedMigrations,
) -> Result<Inspection, DbError> {
    let conn = client(url).await?;
    let asked_at = unix_millis();
    let server = rows(&conn, SERVER).await?;
    let answered_at = unix_millis();
    let column = |at: usize| server.first()?.get(at)?.clone();
    let clock: i64 = column(4)
        .and_then(|text| text.parse().ok())
        .unwrap_or(asked_at);
    let applied: BTreeSet<String> = if column(2).as_deref() == Some("t") {
        let versions = rows(&conn, "SELECT version FROM __diesel_schema_migrations").await?;
        versions.into_iter().flatten().flatten().collect()
    } else {
        BTreeSet::new()
    };
    let known: Vec<Box<dyn Migration<Pg>>> = migrations.migrations().map_err(DbError::Migration)?;
    let version = |it: &dyn Migration<Pg>| it.name().version().to_string();
    let versions: BTreeSet<String> = known.iter().map(|it| version(&**it)).collect();
    let pending = known
        .iter()
        .filter(|it| !applied.contains(&version(&***it)));
    let mut pending: Vec<String> = pending.map(|it| it.name().to_string()).collect();
    pending.sort();
    Ok(Inspection {
        server_version: column(0).unwrap_or_default(),
        identity: column(5).unwrap_or_default(),
        encoding: column(1).unwrap_or_default(),
        write_obstacle: column(3),
        // The server read its clock between our two readings.
        clock_ahead_ms: clock - (asked_at + answered_at) / 2,
        keeps_session: !share_sessions(&conn, &client(url).await?).await,
        pending,
        unknown: applied.difference(&versions).cloned().collect(),
    })
}

async fn rows(conn: &Client, sql: &str) -> Result<Vec<Vec<Option<String>>>, DbError> {
    let messages = conn.simple_query(sql).await;
    let messages = messages.map_err(|error| DbError::Unreachable(Box::new(error)))?;
    let row = |message: SimpleQueryMessage| {
        let SimpleQueryMessage::Row(row) = message else {
            return None;
        };
        let columns = 0..row.len();
        Some(columns.map(|at| row.get(at).map(str::to_owned)).collect())
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

fn unix_millis() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
