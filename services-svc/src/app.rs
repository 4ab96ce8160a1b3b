//! What all requests share.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::registry::Registry;
use agent_pool_core::{Context, InstanceId, Mark};
use agent_pool_service_kit::db::Db;
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, warn};

use crate::cipher::Cipher;
use crate::config::Config;
use crate::providers::Providers;

/// The service: its settings, providers and database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    db: Db,
    providers: Providers,
    tasks: TaskTracker,
    replica: String,
}

impl App {
    /// Assembles the service.
    ///
    /// # Errors
    /// The HTTP client cannot be built: there are no trusted TLS roots.
    pub fn new(config: Config, registry: Registry, db: Db) -> Result<Self, reqwest::Error> {
        let mark = Mark::new(&config.general.pool_environment);
        let context = Context::new(mark, agent_pool_core::http::client()?);
        Ok(Self(Arc::new(Inner {
            providers: Providers::new(registry, context, config.provider_timeout()),
            config,
            db,
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

    pub(crate) fn providers(&self) -> &Providers {
        &self.0.providers
    }

    pub(crate) fn cipher(&self) -> &Cipher {
        &self.0.config.cipher
    }

    /// The name of this process, new at every start.
    pub(crate) fn replica(&self) -> &str {
        &self.0.replica
    }

    /// Runs `work` to its end, even if the caller goes away.
    pub(crate) async fn run_to_completion<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        // Boxed, so that the future of the work is compiled once, not again as a part of the task.
        let work: BoxFuture<'static, T> = Box::pin(work);
        let running = self.0.tasks.spawn(work.in_current_span());
        match running
            .await
            .map_err(tokio::task::JoinError::try_into_panic)
        {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            // Cancelled: the runtime is shutting down, and drops this future too.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Waits for everything that [`App::run_to_completion`] still runs. What takes longer than `within` is
    /// abandoned as by a crash: another replica, or the next start, goes on from the rows.
    pub(crate) async fn drain(&self, within: Duration) {
        self.0.tasks.close();
        if timeout(within, self.0.tasks.wait()).await.is_err() {
            let count = self.0.tasks.len();
            warn!("{count} operations are abandoned: see SHUTDOWN_TIMEOUT_MS");
        }
    }
}
