//! What every request shares.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::registry::Registry;
use agent_pool_core::{Context, InstanceId, Mark};
use agent_pool_service_kit::db::Db;
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::supervisor::Supervisor;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, warn};

use crate::cipher::Cipher;
use crate::config::Config;
use crate::vendors::Vendors;

/// The service: its settings, providers and database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    db: Db,
    supervisor: Supervisor,
    vendors: Vendors,
    tasks: TaskTracker,
    replica: String,
}

impl App {
    /// Puts the parts together.
    ///
    /// # Errors
    /// The HTTP client cannot be made: TLS has no roots to trust.
    pub fn new(config: Config, registry: Registry, db: Db) -> Result<Self, reqwest::Error> {
        Self::build(config, registry, db, Supervisor::new(Shutdown::new()))
    }

    pub(crate) fn build(
        config: Config,
        registry: Registry,
        db: Db,
        supervisor: Supervisor,
    ) -> Result<Self, reqwest::Error> {
        let mark = Mark::new(&config.general.pool_environment);
        let context = Context::new(mark, agent_pool_core::http::client()?);
        Ok(Self(Arc::new(Inner {
            vendors: Vendors::new(registry, context, config.provider_timeout()),
            config,
            db,
            supervisor,
            tasks: TaskTracker::new(),
            replica: InstanceId::generate().into(),
        })))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn supervisor(&self) -> &Supervisor {
        &self.0.supervisor
    }

    pub(crate) fn vendors(&self) -> &Vendors {
        &self.0.vendors
    }

    pub(crate) fn cipher(&self) -> &Cipher {
        &self.0.config.cipher
    }

    /// A name of this process, new at every start.
    pub(crate) fn replica(&self) -> &str {
        &self.0.replica
    }

    /// Runs `work` to its end even if whoever waits for it goes away.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let running = self.0.tasks.spawn(work.in_current_span());
        match running
            .await
            .map_err(tokio::task::JoinError::try_into_panic)
        {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            // Cancelled: the runtime is going away, and this future with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Waits for all that [`App::finish`] still runs. What takes longer than `within` is left as by a
    /// crash: the next start, or another replica, goes on from the rows.
    pub(crate) async fn drain(&self, within: Duration) {
        self.0.tasks.close();
        if timeout(within, self.0.tasks.wait()).await.is_err() {
            let count = self.0.tasks.len();
            warn!("{count} operations are cut off: see SHUTDOWN_TIMEOUT_MS");
        }
    }
}
