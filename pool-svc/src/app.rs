//! What every handler and every task shares.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use agent_pool_service_kit::db::Db;
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::supervisor::Supervisor;
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::call;
use crate::claim::bell::Bell;
use crate::claim::queue::Queue;
use crate::config::Config;
use crate::runtime_client::RuntimeClient;
use crate::services_client::ServicesClient;

/// Connections to the database: those of claims, of a tick, and of what people look at.
pub(crate) const CONNECTIONS: usize = 16;
/// Destructions at once. They are slow at the vendors, and nobody waits for them.
const DESTRUCTIONS: usize = 8;

/// How long a shutdown waits for creations: most take less, and none has to be waited for.
const CREATIONS_END_WITHIN: Duration = Duration::from_secs(30);

/// The running service. Cheap to clone. All that it remembers besides its database could be
/// forgotten: any number of them may run on one database.
#[derive(Debug, Clone)]
pub struct App(Arc<State>);

#[derive(Debug)]
pub struct State {
    pub(crate) config: Config,
    pub(crate) db: Db,
    pub(crate) supervisor: Supervisor,
    pub(crate) services: ServicesClient,
    pub(crate) runtime: RuntimeClient,
    /// Asks for a tick now.
    pub(crate) nudge: Notify,
    /// One tick of this process at a time.
    pub(crate) ticking: Mutex<()>,
    /// Claims in flight, which a shutdown waits for.
    pub(crate) claims: TaskTracker,
    pub(crate) bell: Bell,
    pub(crate) queue: Queue,
    /// Turns to create; closed by a shutdown.
    pub(crate) creations: Semaphore,
    /// Creations that Services was asked for, which a shutdown waits for, but not for long.
    pub(crate) creating: TaskTracker,
    pub(crate) destructions: Arc<Semaphore>,
    /// How many instances Services had at the last tick that were never ours: told when it changes.
    pub(crate) foreign: AtomicU32,
}

impl App {
    /// A service with these settings. It does nothing on its own until [`App::keep_ticking`], and no
    /// claim that waits is served until [`App::keep_queue`].
    ///
    /// # Errors
    /// There is no TLS to make an HTTP client with.
    pub fn new(config: Config) -> Result<Self, reqwest::Error> {
        let db = Db::connect(&config.pool.pool_database_url, CONNECTIONS);
        Self::build(config, db, Supervisor::new(Shutdown::new()))
    }

    pub(crate) fn build(
        config: Config,
        db: Db,
        supervisor: Supervisor,
    ) -> Result<Self, reqwest::Error> {
        let http = call::client()?;
        let key = config.http.pool_api_key.primary();
        let pool = &config.pool;
        Ok(Self(Arc::new(State {
            db,
            supervisor,
            services: ServicesClient::new(http.clone(), pool.services_url.clone(), key.clone()),
            runtime: RuntimeClient::new(http, key.clone()),
            nudge: Notify::new(),
            ticking: Mutex::new(()),
            claims: TaskTracker::new(),
            bell: Bell::default(),
            queue: Queue::default(),
            creations: Semaphore::new(pool.pool_create_concurrency.into()),
            creating: TaskTracker::new(),
            destructions: Arc::new(Semaphore::new(DESTRUCTIONS)),
            foreign: AtomicU32::new(0),
            config,
        })))
    }

    /// Waits until every claim in flight has come to its end. One that takes longer than `within` is
    /// left to its lease: a tick destroys the instance, which is nobody's.
    pub async fn finish_claims(&self, within: Duration) {
        self.claims.close();
        if timeout(within, self.claims.wait()).await.is_err() {
            warn!(
                "{} claims are cut off: see SHUTDOWN_TIMEOUT_MS",
                self.claims.len()
            );
        }
    }

    /// Gives up the creations whose turn has not come, and waits for a moment for the others.
    ///
    /// Those that take longer are safe to drop: Services goes on with them, and the row's lease keeps
    /// everybody else away. Where the instance becomes healthy a later tick makes it idle; at the end
    /// of the lease one destroys it.
    pub async fn finish_creations(&self, within: Duration) {
        self.creations.close();
        self.creating.close();
        // Either way there is nothing more to do here.
        let _ = timeout(within.min(CREATIONS_END_WITHIN), self.creating.wait()).await;
    }
}

impl Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
