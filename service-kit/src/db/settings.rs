//! How a service reaches its database.

use super::DatabaseUrl;

/// How a service reaches its database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The address.
    pub url: DatabaseUrl,
    /// The most connections of the pool.
    pub max_connections: usize,
}
