//! The connection pool.

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Hook, HookError, Object, Pool, PoolError};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_migrations::EmbeddedMigrations;
use futures_util::FutureExt;
use metrics::{gauge, histogram};
use tokio::time::{Instant, timeout};

use super::connect::{connect, establish};
use super::lock::ReplicaLock;
use super::migrate::migrate;
use super::{DatabaseUrl, DbError, Route, doubt};

/// A connection from the pool; it is returned when dropped.
pub type Conn = Object<AsyncPgConnection>;

/// How long a caller waits for a connection.
const WAIT: Duration = Duration::from_secs(8);
/// Maximum age of a session, so that a change of the server behind the address is noticed.
const LIFETIME: Duration = Duration::from_mins(30);

/// The database of a service. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<AsyncPgConnection>,
    route: Route,
}

impl Db {
    /// A pool of at most `max_connections` to `url`, without a pooler.
    #[must_use]
    pub fn connect(url: &DatabaseUrl, max_connections: usize) -> Self {
        Self::open(&Route {
            url: url.clone(),
            direct: url.clone(),
            listen: Some(url.clone()),
            max_connections,
        })
    }

    /// The pool of a service. Connections are opened on demand, so the database may be down now.
    ///
    /// # Panics
    /// Never: the pool is built without the option that could be wrong.
    #[must_use]
    pub fn open(route: &Route) -> Self {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|url| establish(url).boxed());
        let manager = AsyncDieselConnectionManager::new_with_config(route.url.expose(), config);
        let young_enough = Hook::sync_fn(|_, metrics| {
            if metrics.age() > LIFETIME || doubt::began_after(metrics.age()) {
                return Err(HookError::Message("the session has to be replaced".into()));
            }
            Ok(())
        });
        let pool = Pool::builder(manager)
            .max_size(route.max_connections)
            .pre_recycle(young_enough)
            .build()
            .expect("building fails only with timeouts, which this pool leaves to its caller");
        Self {
            pool,
            route: route.clone(),
        }
    }

    /// A connection, new or reused.
    ///
    /// # Errors
    /// The database cannot be reached, or no connection became free in time.
    pub async fn conn(&self) -> Result<Conn, DbError> {
        let started = Instant::now();
        let taken = timeout(WAIT, self.pool.get()).await;
        histogram!("agent_pool_database_wait_seconds").record(started.elapsed().as_secs_f64());
        self.publish_usage();
        match taken {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(PoolError::Backend(error))) => Err(DbError::Unreachable(Box::new(error))),
            Ok(Err(error)) => Err(DbError::Unreachable(Box::new(error))),
            Err(_) => Err(DbError::Exhausted(WAIT)),
        }
    }

    /// Sets the gauges of the pool. Called when a connection is taken, so at least with every tick and probe.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a pool has a few hundred connections"
    )]
    fn publish_usage(&self) {
        let status = self.pool.status();
        let in_use = status.size.saturating_sub(status.available);
        for (state, count) in [("in_use", in_use), ("idle", status.available)] {
            gauge!("agent_pool_database_connections", "state" => state).set(count as f64);
        }
        gauge!("agent_pool_database_connections_limit").set(status.max_size as f64);
        gauge!("agent_pool_database_waiters").set(status.waiting as f64);
    }

    /// Applies the migrations that the database does not have yet, as [`migrate`] does.
    ///
    /// # Errors
    /// See [`migrate`].
    pub async fn migrate(&self, migrations: EmbeddedMigrations) -> Result<(), DbError> {
        migrate(&self.route.direct, migrations).await
    }

    /// The address of the database itself, for operations that do not work through a pooler.
    pub(crate) const fn direct(&self) -> &DatabaseUrl {
        self.route.direct()
    }

    /// Takes the lock called `name` across all replicas, or returns `None` if another one holds it.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn lock(&self, name: &str) -> Result<Option<ReplicaLock>, DbError> {
        ReplicaLock::try_take(&self.route.direct, name).await
    }

    /// A dedicated connection on which `LISTEN` works, or `None` if notifications do not arrive: then callers have to
    /// poll.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn listener(&self) -> Result<Option<AsyncPgConnection>, DbError> {
        match &self.route.listen {
            Some(url) => connect(url).await.map(Some),
            None => Ok(None),
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db")
            .field("pool", &self.pool.status())
            .finish_non_exhaustive()
    }
}
