//! What every handler and every task shares: the settings, the database and the clients.

use std::sync::Arc;

use agent_pool_client::{Http, Runtime, Services};
use agent_pool_service_kit::db::Db;

use crate::config::Config;

/// Settings, database and clients. Cheap to clone; has no other state.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) db: Db,
    pub(crate) services: Services,
    pub(crate) runtime: Runtime,
}

impl App {
    /// Does not connect to anything yet.
    ///
    /// # Errors
    /// The HTTP client cannot be built because TLS is not available.
    pub fn new(config: Config, db: Db) -> Result<Self, reqwest::Error> {
        let http = Http::new(concat!("pool-svc/", env!("CARGO_PKG_VERSION")))?;
        let key = config.pool.services_api_key.as_ref();
        let key = key.unwrap_or(&config.http.pool_api_key).primary();
        let url = config.pool.services_url.clone();
        Ok(Self {
            db,
            services: Services::new(&http, url, key.clone()),
            runtime: Runtime::new(&http),
            config: Arc::new(config),
        })
    }
}
