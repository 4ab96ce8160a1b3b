//! The database: its address, a pool of connections, migrations, locks.

mod address;
mod any_certificate;
pub(crate) mod connect;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
mod inspect;
pub mod lock;
mod migrate;
mod pool;
mod settings;
mod tls;
mod url;

pub use error::DbError;
pub use inspect::{Inspection, inspect};
pub use migrate::{Migrated, migrate, migrate_until};
pub use pool::{Conn, Db};
pub use settings::DatabaseSettings;
pub use url::{DatabaseUrl, ParseDatabaseUrlError};
