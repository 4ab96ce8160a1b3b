//! Detects a pooler between us and the database, and the features that it supports.
//!
//! A pooler such as PgBouncer in transaction mode gives each transaction another session. Transaction locks work
//! through it; notifications do not arrive, and prepared statements work only if the pooler supports them.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, SimpleQueryMessage};
use tracing::{info, warn};

use super::connect::client;
use super::{DatabaseSettings, DatabaseUrl, DbError};

/// How often two clients are compared. Once is not enough: other clients of a pooler take and release sessions in
/// between.
const COMPARISONS: usize = 10;
/// How long a statement may wait for a session. A pooler with one session would make it wait forever.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The services cannot work through this pooler.
#[derive(Debug, thiserror::Error)]
#[error(
    "its address leads to a pooler in transaction mode that does not carry prepared statements. Set \
     max_prepared_statements in PgBouncer (1.21 or newer), or pool_mode = session; or let the address name \
     the database itself; or set …_DATABASE_DIRECT_URL, which is then used for everything"
)]
struct StatementsAreLost;

/// How a service reaches its database, as detected.
#[derive(Debug, Clone)]
pub struct Route {
    /// For ordinary statements.
    pub(super) url: DatabaseUrl,
    /// For migrations and locks.
    pub(super) direct: DatabaseUrl,
    /// For notifications, if they arrive.
    pub(super) listen: Option<DatabaseUrl>,
    pub(super) max_connections: usize,
}

impl Route {
    /// The address for migrations and locks.
    pub(crate) const fn direct(&self) -> &DatabaseUrl {
        &self.direct
    }
}

/// The kind of sessions behind an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sessions {
    /// Each connection has its own.
    Own,
    /// Transactions share them, and prepared statements work.
    Shared,
    /// Transactions share them, and prepared statements are lost.
    Stateless,
}

impl DatabaseSettings {
    /// Detects what the address leads to, and chooses a connection for each purpose.
    ///
    /// # Errors
    /// The database cannot be reached, or only through a pooler without prepared statements.
    pub async fn route(&self) -> Result<Route, DbError> {
        let sessions = probe_sessions(&self.url).await?;
        let direct = self.direct_url.as_ref();
        let mut route = Route {
            url: self.url.clone(),
            direct: direct.unwrap_or(&self.url).clone(),
            listen: direct.cloned(),
            max_connections: self.max_connections,
        };
        match (sessions, direct) {
            (Sessions::Own, _) => route.listen = Some(route.direct.clone()),
            (Sessions::Shared, Some(_)) => {
                info!(
                    "the database is behind a pooler: using the direct address for notifications"
                );
            }
            (Sessions::Shared, None) => warn!(
                "the database is behind a pooler in transaction mode, through which no notifications come: \
                 waiting claims look every second instead. Set …_DATABASE_DIRECT_URL to the database itself"
            ),
            (Sessions::Stateless, Some(direct)) => {
                warn!(
                    "the database is behind a pooler that does not carry prepared statements: the direct \
                     address is used for everything"
                );
                route.url = direct.clone();
            }
            (Sessions::Stateless, None) => {
                return Err(DbError::Migration(Box::new(StatementsAreLost)));
            }
        }
        Ok(route)
    }
}

/// The process id of the server session, by the simple protocol, which needs no prepared statement.
async fn backend(client: &Client, before: &str) -> Option<String> {
    let query = format!("{before} SELECT pg_backend_pid()");
    let rows = timeout(ANSWER_WITHIN, client.simple_query(&query))
        .await
        .ok()?
        .ok()?;
    rows.iter().find_map(|row| match row {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        SimpleQueryMessage::CommandComplete(_) | SimpleQueryMessage::RowDescription(_) | _ => None,
    })
}

async fn probe_sessions(url: &DatabaseUrl) -> Result<Sessions, DbError> {
    let (one, other) = (client(url).await?, client(url).await?);
    if !share_sessions(&one, &other).await {
        return Ok(Sessions::Own);
    }
    for _ in 0..COMPARISONS {
        let carried = carries_statements(&one, &other).await;
        let _ = other.batch_execute("ROLLBACK").await;
        if !carried {
            return Ok(Sessions::Stateless);
        }
    }
    Ok(Sessions::Shared)
}

/// Whether two clients take turns in sessions of the server: a session serves both, or a client gets another one.
pub(super) async fn share_sessions(one: &Client, other: &Client) -> bool {
    let mut before = None;
    for _ in 0..COMPARISONS {
        let free = backend(one, "").await;
        let taken = backend(other, "BEGIN;").await;
        let _ = other.batch_execute("ROLLBACK").await;
        let moved = before.is_some() && before != free;
        if free.is_some() && (free == taken || moved) {
            return true;
        }
        before = free;
    }
    false
}

/// Prepares a statement on the free session, lets the other client take that session by a transaction, which it leaves
/// open, and executes the statement.
async fn carries_statements(one: &Client, other: &Client) -> bool {
    let attempt = async {
        let statement = one.prepare("SELECT 1").await?;
        other.batch_execute("BEGIN; SELECT 1").await?;
        one.query(&statement, &[]).await
    };
    matches!(timeout(ANSWER_WITHIN, attempt).await, Ok(Ok(_)))
}
