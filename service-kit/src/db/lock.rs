//! A lock among all replicas that ends with its holder's session.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::timeout;

use super::connect::connect;
use super::{DatabaseUrl, DbError};

/// How long the database may take to say that the session is alive.
const ALIVE_WITHIN: Duration = Duration::from_secs(2);

/// It also has the server find out within a minute that a holder's machine is gone, and not within the
/// two hours that are usual.
const TRY_TAKE: &str = "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS yes
    FROM set_config('tcp_keepalives_idle', '30', false) AS idle,
         set_config('tcp_keepalives_interval', '10', false) AS pause,
         set_config('tcp_keepalives_count', '3', false) AS count";

/// A named advisory lock of Postgres, held on a connection of its own until it is dropped.
///
/// When the connection breaks, Postgres gives the lock to another; who holds it for long asks
/// [`SessionLock::is_held`] before each piece of work.
pub struct SessionLock {
    session: AsyncPgConnection,
    name: String,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

impl SessionLock {
    /// Takes the lock called `name`, or answers `None` where another session holds it.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn try_take(url: &DatabaseUrl, name: &str) -> Result<Option<Self>, DbError> {
        let mut session = connect(url).await?;
        // Diesel has no expression for an advisory lock.
        let Answer { yes: taken } = diesel::sql_query(TRY_TAKE)
            .bind::<Text, _>(name)
            .get_result(&mut session)
            .await?;
        let name = name.to_owned();
        Ok(taken.then_some(Self { session, name }))
    }

    /// Whether the session, and so the lock, is still there.
    pub async fn is_held(&self) -> bool {
        let mut session = &self.session;
        let ping = diesel::sql_query("SELECT 1").execute(&mut session);
        matches!(timeout(ALIVE_WITHIN, ping).await, Ok(Ok(_)))
    }

    /// Gives the lock back, and returns when another session can take it.
    ///
    /// Dropping it gives it back as well, a moment later.
    pub async fn release(mut self) {
        let unlock = diesel::sql_query("SELECT pg_advisory_unlock(hashtextextended($1, 0))")
            .bind::<Text, _>(&self.name)
            .execute(&mut self.session);
        // Where this fails, the end of the session gives it back.
        let _ = timeout(ALIVE_WITHIN, unlock).await;
    }
}

impl std::fmt::Debug for SessionLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionLock")
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
        let lock = SessionLock::try_take(database.url(), "x").await.unwrap();
        let mut session = lock.unwrap().session;
        let look = "SELECT current_setting('tcp_keepalives_idle') = '30'
                       AND current_setting('tcp_keepalives_count') = '3' AS yes";
        let answer: Answer = diesel::sql_query(look)
            .get_result(&mut session)
            .await
            .unwrap();
        assert!(answer.yes);
    }
}
