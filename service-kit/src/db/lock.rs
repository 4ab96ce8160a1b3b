//! A lock across all replicas that ends with its holder's session.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::timeout;

use super::connect::connect;
use super::{DatabaseUrl, DbError};

/// Time limit for the check that the session is alive.
const ALIVE_WITHIN: Duration = Duration::from_secs(2);

/// The lock belongs to a transaction, so that it also works behind a pooler that gives each transaction another
/// session. The settings apply to this transaction: the server must not end it for being idle, and must notice within a
/// minute that the holder's machine is down, instead of the usual two hours.
const SETTINGS: &str = "SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL tcp_keepalives_idle = 30;
    SET LOCAL tcp_keepalives_interval = 10;
    SET LOCAL tcp_keepalives_count = 3";

/// A named advisory lock of Postgres, held on a connection of its own until it is dropped.
///
/// When the connection breaks, Postgres gives the lock to another replica. A long-term holder calls
/// [`ReplicaLock::is_held`] before each piece of work. The open transaction reads no table, so it blocks neither vacuum
/// nor `CREATE INDEX CONCURRENTLY`.
pub struct ReplicaLock {
    session: AsyncPgConnection,
    name: String,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

impl ReplicaLock {
    /// Takes the lock called `name`, or returns `None` if another session holds it.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn try_take(url: &DatabaseUrl, name: &str) -> Result<Option<Self>, DbError> {
        let mut session = connect(url).await?;
        session.batch_execute("BEGIN").await?;
        // Diesel has no expression for an advisory lock.
        let take = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS taken";
        let Taken { taken } = diesel::sql_query(take)
            .bind::<Text, _>(name)
            .get_result(&mut session)
            .await?;
        // A simple query closes the portal of the statement above. An open portal keeps a snapshot, for which CREATE
        // INDEX CONCURRENTLY would wait.
        session.batch_execute(SETTINGS).await?;
        let name = name.to_owned();
        Ok(taken.then_some(Self { session, name }))
    }

    /// Whether the session, and with it the lock, still exists.
    pub async fn is_held(&self) -> bool {
        let mut session = &self.session;
        // A simple query, for the same reason as above.
        let ping = session.batch_execute("SELECT 1");
        matches!(timeout(ALIVE_WITHIN, ping).await, Ok(Ok(_)))
    }

    /// Releases the lock, and returns when another session can take it.
    ///
    /// Dropping it releases it too, a moment later.
    pub async fn release(mut self) {
        // If this fails, the end of the session releases it.
        let _ = timeout(ALIVE_WITHIN, self.session.batch_execute("COMMIT")).await;
    }
}

impl std::fmt::Debug for ReplicaLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplicaLock")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use diesel_migrations::{EmbeddedMigrations, embed_migrations};

    use super::*;
    use crate::testing::fresh_database;

    const NONE: EmbeddedMigrations = embed_migrations!("tests/no_migrations");

    #[tokio::test]
    async fn the_server_looks_whether_the_holder_is_still_there() {
        let database = fresh_database(NONE, "empty").await;
        let lock = ReplicaLock::try_take(database.url(), "x").await.unwrap();
        let mut session = lock.unwrap().session;
        let look = "SELECT current_setting('tcp_keepalives_idle') = '30'
                       AND current_setting('tcp_keepalives_count') = '3' AS taken";
        let answer: Taken = diesel::sql_query(look)
            .get_result(&mut session)
            .await
            .unwrap();
        assert!(answer.taken);
    }
}
