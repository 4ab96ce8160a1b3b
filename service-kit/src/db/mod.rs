//! The database: its address, a pool of connections, migrations, locks.

mod address;
mod any_certificate;
pub(crate) mod connect;
mod doubt;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
mod inspect;
pub mod lock;
mod migrate;
mod pool;
mod pooler;
mod settings;
mod time;
mod tls;
mod url;

pub(crate) use doubt::begin as replace_sessions;
pub use error::DbError;
pub use inspect::{Inspection, inspect};
pub use migrate::{Migrated, migrate, migrate_until};
pub use pool::{Conn, Db};
pub use pooler::Route;
pub use settings::DatabaseSettings;
pub use time::{after, before};
pub use url::{DatabaseUrl, ParseDatabaseUrlError};
