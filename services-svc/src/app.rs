//! State that all requests share.

use std::sync::Arc;

use agent_pool_client::{Http, Pool, Runtime};
use agent_pool_core::registry::Registry;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{Context, InstanceId, Mark};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::Db;
use agent_pool_service_kit::supervisor::Supervisor;

use crate::config::Config;
use crate::failing::Failing;
use crate::notices::Notices;
use crate::providers::{Providers, SharedSections};

/// The service: its settings, database, providers and background tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    db: Db,
    providers: Providers,
    supervisor: Supervisor,
    runtime: Runtime,
    replica: String,
    failing: Failing,
    notices: Notices,
    pool: Option<Pool>,
}

impl App {
    /// Assembles the service.
    ///
    /// # Errors
    /// The HTTP client cannot be built: there are no trusted TLS roots.
    pub fn new(
        config: Config,
        registry: Registry,
        db: Db,
        supervisor: Supervisor,
    ) -> Result<Self, reqwest::Error> {
        let mark = Mark::new(&config.general.pool_environment);
        let sections = SharedSections::new(db.clone(), supervisor.clone());
        let context = Context::new(mark, agent_pool_core::http::client()?);
        let context = context.with_sections(Arc::new(sections));
        let http = Http::new(concat!("services-svc/", env!("CARGO_PKG_VERSION")))?;
        let pool = config.general.pool_url.clone().map(|url| {
            let key = config.http.pool_api_key.primary().clone();
            Pool::new(&http, url, key)
        });
        Ok(Self(Arc::new(Inner {
            providers: Providers::new(registry, context, config.provider_timeout()),
            runtime: Runtime::new(&http),
            config,
            db,
            supervisor,
            replica: InstanceId::generate().into(),
            failing: Failing::default(),
            notices: Notices::default(),
            pool,
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

    pub(crate) fn supervisor(&self) -> &Supervisor {
        &self.0.supervisor
    }

    /// The runtimes of instances.
    pub(crate) fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    pub(crate) fn cipher(&self) -> &Cipher {
        &self.0.config.cipher
    }

    /// The instances that failed their last health check.
    pub(crate) fn failing(&self) -> &Failing {
        &self.0.failing
    }

    /// The webhooks received from vendors.
    pub(crate) fn notices(&self) -> &Notices {
        &self.0.notices
    }

    /// Pool, if its address is set.
    pub(crate) fn pool(&self) -> Option<&Pool> {
        self.0.pool.as_ref()
    }

    /// The name of this process, new at every start.
    pub(crate) fn replica(&self) -> &str {
        &self.0.replica
    }

    /// Runs an operation to its end, even if the caller disconnects. Shutdown waits for it.
    pub(crate) async fn complete<T, E>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        match self.supervisor().spawn(operation, work).await {
            Ok(result) => result.map_err(Into::into),
            Err(failed) => Err(failed.into()),
        }
    }
}
