//! The cluster: created if it is missing, started, and its databases.

use std::fs;
use std::path::PathBuf;

use agent_pool_core::Secret;
use agent_pool_core::settings::Environment;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::EmbeddedError;
use super::binaries::{self, Binaries};
use super::config::{self, AtEnd, SUPERUSER};
use super::database::{create_if_absent, give_to_owner};
use super::folder::Folder;
use super::user::RunAs;
use super::watchdog::Watchdog;
use crate::db::DatabaseUrl;

/// The options of a cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the data is, and how long it is kept.
    pub data: Data,
    /// The folder of `initdb`; `None` to search for it.
    pub bin_dir: Option<PathBuf>,
}

/// Where the data is, and how long it is kept.
#[derive(Debug, Clone)]
pub enum Data {
    /// In this folder, which is kept.
    Keep(PathBuf),
    /// In a temporary folder that is removed when the cluster stops. Not safe against a power failure.
    Temporary,
}

/// A private Postgres cluster. Dropping it stops the server, and waits for that.
#[derive(Debug)]
pub struct Embedded {
    _watchdog: Watchdog,
    port: u16,
    password: Secret,
}

impl Options {
    /// Options from the environment: `POSTGRES_BIN_DIR`.
    #[must_use]
    pub fn new(data: Data, environment: &Environment) -> Self {
        let bin_dir = environment.get("POSTGRES_BIN_DIR").map(PathBuf::from);
        Self { data, bin_dir }
    }
}

impl Embedded {
    /// Starts a cluster, and creates it first if the folder has none.
    ///
    /// Creating one takes about a second. If this process is root, the server runs as another user.
    ///
    /// # Errors
    /// There is no PostgreSQL, the folder is in use or cannot be used, or the server does not start.
    pub async fn start(options: Options) -> Result<Self, EmbeddedError> {
        let user = RunAs::choose()?;
        let (path, at_end) = match options.data {
            Data::Keep(path) => (path, AtEnd::Keep),
            Data::Temporary => (temporary()?, AtEnd::Remove),
        };
        let folder = Folder::prepare(&path, &user)?;
        let lock = folder.lock().await?;
        let found = installed(options.bin_dir).await?;
        let binaries = binaries::choose(found, folder.path(), folder.data_version().as_deref())?;
        let start = move || Self::start_in(&folder, &binaries, &user, lock, at_end);
        spawn_blocking(start)
            .await
            .map_err(|panic| EmbeddedError::NotStarted(panic.to_string()))?
    }

    fn start_in(
        folder: &Folder,
        binaries: &Binaries,
        user: &RunAs,
        lock: fs::File,
        at_end: AtEnd,
    ) -> Result<Self, EmbeddedError> {
        let password = folder.password(user)?;
        folder.forget_dead_server();
        config::write(folder, at_end)?;
        let (watchdog, port) = Watchdog::start(binaries, folder, user, lock, at_end)?;
        Ok(Self {
            _watchdog: watchdog,
            port,
            password,
        })
    }

    /// The database `name`, created if absent.
    ///
    /// # Errors
    /// The server does not answer, or refuses the name.
    pub async fn database(&self, name: &str) -> Result<DatabaseUrl, EmbeddedError> {
        create_if_absent(&self.url("postgres"), name).await?;
        Ok(self.url(name))
    }

    /// Like [`Self::database`], for a service: its role is not a superuser, owns this database, and cannot use other
    /// databases of this kind. The role gets a new password each time, so only one process may request a database.
    ///
    /// # Errors
    /// The server does not answer, or refuses the name.
    pub async fn owned_database(&self, name: &str) -> Result<DatabaseUrl, EmbeddedError> {
        let superuser = self.database(name).await?;
        let password = super::folder::random_password();
        give_to_owner(&superuser, name, &password).await?;
        Ok(self.url_of(name, &password, name))
    }

    /// Stops the server, and removes temporary data.
    pub async fn stop(self) {
        // Nothing more can be done: a panic there has ended the server too, because Postgres stops when its pipe
        // closes.
        let _ = spawn_blocking(move || drop(self)).await;
    }

    /// The URL of a database, whether it exists or not. `name` has only letters, digits and `_`.
    pub(crate) fn url(&self, name: &str) -> DatabaseUrl {
        self.url_of(SUPERUSER, &self.password, name)
    }

    fn url_of(&self, user: &str, password: &Secret, name: &str) -> DatabaseUrl {
        let (port, password) = (self.port, password.expose());
        DatabaseUrl::try_from(format!(
            "postgres://{user}:{password}@127.0.0.1:{port}/{name}"
        ))
        .expect("a URL of plain words is one")
    }
}

/// A folder in the system's temporary folder, which the watchdog removes.
fn temporary() -> Result<PathBuf, EmbeddedError> {
    tempfile::Builder::new()
        .prefix("agent-pool-postgres-")
        .tempdir()
        .map(TempDir::keep)
        .map_err(EmbeddedError::io("make a temporary folder"))
}

/// The installed binaries, or else downloaded ones, but not instead of a requested folder.
async fn installed(bin_dir: Option<PathBuf>) -> Result<Vec<Binaries>, EmbeddedError> {
    #[cfg(feature = "download")]
    let asked = bin_dir.is_some();
    let found = spawn_blocking(move || binaries::installed(bin_dir.as_deref()))
        .await
        .unwrap_or_default();
    #[cfg(feature = "download")]
    if found.is_empty() && !asked {
        return super::download::download(&cache())
            .await
            .map(|one| vec![one]);
    }
    Ok(found)
}

/// Where downloads are stored: in a folder that every user can read, because Postgres does not run as root.
#[cfg(feature = "download")]
fn cache() -> PathBuf {
    match std::env::home_dir() {
        Some(home) if !nix::unistd::Uid::effective().is_root() => home.join(".cache/agent-pool"),
        Some(_) | None => PathBuf::from("/var/cache/agent-pool"),
    }
}
