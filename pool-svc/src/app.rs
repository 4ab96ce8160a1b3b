//! What every handler and every task shares.

use std::ops::Deref;
use std::sync::Arc;

use agent_pool_service_kit::db::Db;
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio_util::task::TaskTracker;

use crate::backoff::Backoff;
use crate::call;
use crate::config::Config;
use crate::runtime_client::RuntimeClient;
use crate::services_client::ServicesClient;

/// Connections to the database: those of claims, of a tick, and of what people look at.
const CONNECTIONS: usize = 16;
/// Destructions at once. They are slow at the vendors, and nobody waits for them.
const DESTRUCTIONS: usize = 8;

/// The running service. Cheap to clone. All that it remembers besides its database could be
/// forgotten: any number of them may run on one database.
#[derive(Debug, Clone)]
pub struct App(Arc<State>);

#[derive(Debug)]
pub struct State {
    pub(crate) config: Config,
    pub(crate) db: Db,
    pub(crate) services: ServicesClient,
    pub(crate) runtime: RuntimeClient,
    /// Asks for a tick now.
    pub(crate) nudge: Notify,
    /// One tick of this process at a time.
    pub(crate) ticking: Mutex<()>,
    /// Claims in flight, which a shutdown waits for.
    pub(crate) claims: TaskTracker,
    pub(crate) creations: Arc<Semaphore>,
    pub(crate) backoff: Backoff,
    pub(crate) destructions: Arc<Semaphore>,
}

impl App {
    /// A service with these settings. It does nothing on its own until [`App::keep_ticking`].
    ///
    /// # Errors
    /// There is no TLS to make an HTTP client with.
    pub fn new(config: Config) -> Result<Self, reqwest::Error> {
        let http = call::client()?;
        let key = config.http.pool_api_key.primary();
        let pool = &config.pool;
        Ok(Self(Arc::new(State {
            db: Db::connect(&pool.pool_database_url, CONNECTIONS),
            services: ServicesClient::new(http.clone(), pool.services_url.clone(), key.clone()),
            runtime: RuntimeClient::new(http, key.clone()),
            nudge: Notify::new(),
            ticking: Mutex::new(()),
            claims: TaskTracker::new(),
            creations: Arc::new(Semaphore::new(pool.pool_create_concurrency.into())),
            backoff: Backoff::default(),
            destructions: Arc::new(Semaphore::new(DESTRUCTIONS)),
            config,
        })))
    }

    /// Waits until every claim in flight has come to its end.
    pub async fn finish_claims(&self) {
        self.claims.close();
        self.claims.wait().await;
    }
}

impl Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
