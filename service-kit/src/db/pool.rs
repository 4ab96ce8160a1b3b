//! The connection pool.

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use futures_util::FutureExt;
use tokio::time::timeout;

use super::connect::establish;
use super::{DatabaseSettings, DatabaseUrl, DbError};

/// A connection from the pool, to which it goes back when dropped.
pub type Conn = Object<AsyncPgConnection>;

/// How long a caller waits for a connection.
const WAIT: Duration = Duration::from_secs(8);

/// The database of a service. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
}

impl Db {
    /// The pool of a service.
    #[must_use]
    pub fn open(settings: &DatabaseSettings) -> Self {
        Self::connect(&settings.url, settings.max_connections)
    }

    /// A pool of at most `max_connections` to `url`. Connections are made when they are needed, so
    /// that a database which is down now may be up by then.
    ///
    /// # Panics
    /// Never: the pool is built without the option that could be wrong.
    #[must_use]
    pub fn connect(url: &DatabaseUrl, max_connections: usize) -> Self {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|url| establish(url).boxed());
        let manager = AsyncDieselConnectionManager::new_with_config(url.expose(), config);
        let pool = Pool::builder(manager)
            .max_size(max_connections)
            .build()
            .expect("building fails only with timeouts, which this pool leaves to its caller");
        Self { pool }
    }

    /// A connection, new or used before.
    ///
    /// # Errors
    /// The database cannot be reached, or no connection became free in time.
    pub async fn conn(&self) -> Result<Conn, DbError> {
        match timeout(WAIT, self.pool.get()).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(PoolError::Backend(error))) => Err(DbError::Unreachable(Box::new(error))),
            Ok(Err(error)) => Err(DbError::Unreachable(Box::new(error))),
            Err(_) => Err(DbError::Exhausted(WAIT)),
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db")
            .field("pool", &self.pool.status())
            .finish()
    }
}
