//! What every handler and every task shares: the settings, the database and the clients.

use std::sync::Arc;

use agent_pool_service_kit::db::Db;

use crate::call;
use crate::config::Config;
use crate::runtime_client::RuntimeClient;
use crate::services_client::ServicesClient;

/// Database connections of one replica: for claims, for a tick, and for pages and API reads.
const CONNECTIONS: usize = 16;

/// Settings, database and clients. Cheap to clone, and without state of its own.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) db: Db,
    pub(crate) services: ServicesClient,
    pub(crate) runtime: RuntimeClient,
}

impl App {
    /// Connects on first use: neither the database nor Services has to be reachable yet.
    ///
    /// # Errors
    /// The HTTP client cannot be built because TLS is not available.
    pub fn new(config: Config) -> Result<Self, reqwest::Error> {
        let http = call::client()?;
        let key = config.http.pool_api_key.primary();
        let pool = &config.pool;
        Ok(Self {
            db: Db::connect(&pool.pool_database_url, CONNECTIONS),
            services: ServicesClient::new(http.clone(), pool.services_url.clone(), key.clone()),
            runtime: RuntimeClient::new(http, key.clone()),
            config: Arc::new(config),
        })
    }
}
