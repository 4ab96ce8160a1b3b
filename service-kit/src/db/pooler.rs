//! Whether a pooler stands between us and the database, and what it can carry.
//!
//! A pooler such as PgBouncer in transaction mode gives each transaction another session. Locks that belong
//! to transactions work through it; notifications do not arrive, and prepared statements work only if the
//! pooler carries them from session to session.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::{Client, SimpleQueryMessage};
use tracing::{info, warn};

use super::connect::client;
use super::{DatabaseSettings, DatabaseUrl, DbError};

/// How often two clients are compared: another client may take the session in between.
const COMPARISONS: usize = 3;
/// How long a statement may wait for a session. A pooler of one session makes it wait for good.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A pooler that the services cannot work through.
#[derive(Debug, thiserror::Error)]
#[error(
    "its address leads to a pooler in transaction mode that does not carry prepared statements. Set \
     max_prepared_statements in PgBouncer (1.21 or newer), or pool_mode = session; or let the address name \
     the database itself; or set …_DATABASE_DIRECT_URL, which is then used for everything"
)]
struct StatementsAreLost;

/// How a service reaches its database, once that was looked at.
#[derive(Debug, Clone)]
pub struct Route {
    /// For ordinary statements.
    pub(super) url: DatabaseUrl,
    /// For migrations and locks.
    pub(super) direct: DatabaseUrl,
    /// For notifications, if they arrive anywhere.
    pub(super) listen: Option<DatabaseUrl>,
    pub(super) max_connections: usize,
}

impl Route {
    /// The address for migrations and locks.
    pub(crate) const fn direct(&self) -> &DatabaseUrl {
        &self.direct
    }
}

/// What the sessions behind an address are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sessions {
    /// Each connection has one of its own.
    Own,
    /// Transactions share them, and prepared statements are carried along.
    Shared,
    /// Transactions share them, and prepared statements are lost.
    Stateless,
}

impl DatabaseSettings {
    /// Looks at what the address leads to, and chooses a connection for each purpose.
    ///
    /// # Errors
    /// The database cannot be reached, or only through a pooler that loses prepared statements.
    pub async fn route(&self) -> Result<Route, DbError> {
        let sessions = look(&self.url).await?;
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
                info!("the database is behind a pooler: notifications come by the direct address");
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

/// The server's process that answers, by the simple protocol, which needs no prepared statement.
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

async fn look(url: &DatabaseUrl) -> Result<Sessions, DbError> {
    let (one, other) = (client(url).await?, client(url).await?);
    for _ in 0..COMPARISONS {
        let free = backend(&one, "").await;
        let taken = backend(&other, "BEGIN;").await;
        let shared = free.is_some() && free == taken;
        let carried = shared && carries_statements(&one, &other).await;
        let _ = other.batch_execute("ROLLBACK").await;
        match (shared, carried) {
            (true, true) => return Ok(Sessions::Shared),
            (true, false) => return Ok(Sessions::Stateless),
            (false, _) => {}
        }
    }
    Ok(Sessions::Own)
}

/// Prepares a statement on the session that is free, has the other client take that session, and executes
/// it. The other client is in a transaction when this is called, and when it returns.
async fn carries_statements(one: &Client, other: &Client) -> bool {
    let attempt = async {
        other.batch_execute("ROLLBACK").await?;
        let statement = one.prepare("SELECT 1").await?;
        other.batch_execute("BEGIN; SELECT 1").await?;
        one.query(&statement, &[]).await
    };
    matches!(timeout(ANSWER_WITHIN, attempt).await, Ok(Ok(_)))
}
