//! The database: a pool of connections, migrations, locks. `sslmode` in a URL is honoured.

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
pub use migrate::migrate;
pub use pool::{Conn, Db};
pub use settings::DatabaseSettings;
pub use url::{DatabaseUrl, ParseDatabaseUrlError};
