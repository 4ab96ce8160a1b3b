//! What every handler and every task shares: the settings, the database and the clients.

use std::sync::Arc;

use agent_pool_service_kit::db::Db;

use crate::call;
use crate::config::Config;
use crate::runtime_client::RuntimeClient;
use crate::services_client::ServicesClient;

/// Settings, database and clients. Cheap to clone, and without state of its own.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) db: Db,
    pub(crate) services: ServicesClient,
    pub(crate) runtime: RuntimeClient,
}

impl App {
    /// Nothing has to be reachable yet.
    ///
    /// # Errors
    /// The HTTP client cannot be built because TLS is not available.
    pub fn new(config: Config, db: Db) -> Result<Self, reqwest::Error> {
        let http = call::client()?;
        let key = config.http.pool_api_key.primary();
        let url = config.pool.services_url.clone();
        Ok(Self {
            db,
            services: ServicesClient::new(http.clone(), url, key.clone()),
            runtime: RuntimeClient::new(http, key.clone()),
            config: Arc::new(config),
        })
    }
}
