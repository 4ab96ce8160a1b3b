//! A lock among all replicas that ends with its holder's session.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time::timeout;

use super::connect::connect;
use super::{DatabaseUrl, DbError};

/// How long the database may take to answer that the session is alive.
const ALIVE_WITHIN: Duration = Duration::from_secs(2);

/// The lock belongs to a transaction, so that it also holds behind a pooler that gives each transaction
/// another session. The settings are the transaction's own: the server must not end it for being idle,
/// and must notice within a minute that the holder's machine is gone, not within the usual two hours.
const SETTINGS: &str = "SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL tcp_keepalives_idle = 30;
    SET LOCAL tcp_keepalives_interval = 10;
    SET LOCAL tcp_keepalives_count = 3";

/// A named advisory lock of Postgres, held on a connection of its own until it is dropped.
///
/// When the connection breaks, Postgres gives the lock to another replica. Whoever holds it for long asks
/// [`ReplicaLock::is_held`] before each piece of work. The open transaction reads no table, so that it
/// holds up neither vacuum nor `CREATE INDEX CONCURRENTLY`.
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
    /// Takes the lock called `name`, or answers `None` if another session holds it.
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
        // Sent as a simple query, which closes the portal of the statement above: open, it would keep a
        // snapshot, and CREATE INDEX CONCURRENTLY would wait for that.
        session.batch_execute(SETTINGS).await?;
        let name = name.to_owned();
        Ok(taken.then_some(Self { session, name }))
    }

    /// Whether the session, and so the lock, is still there.
    pub async fn is_held(&self) -> bool {
        let mut session = &self.session;
        // A simple query, for the same reason as above.
        let ping = session.batch_execute("SELECT 1");
        matches!(timeout(ALIVE_WITHIN, ping).await, Ok(Ok(_)))
    }

    /// Gives the lock back, and returns when another session can take it.
    ///
    /// Dropping it gives it back as well, a moment later.
    pub async fn release(mut self) {
        // If this fails, the end of the session gives it back.
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
