//! How a service reaches its database.

use super::DatabaseUrl;

/// How a service reaches its database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The address.
    pub url: DatabaseUrl,
    /// The address of the database itself, if the other one leads to a pooler: for migrations, locks and
    /// notifications.
    pub direct_url: Option<DatabaseUrl>,
    /// Maximum number of connections in the pool.
    pub max_connections: usize,
    /// The database of the Node.js original, if its tables are to be adopted from another database.
    pub original_url: Option<DatabaseUrl>,
}
