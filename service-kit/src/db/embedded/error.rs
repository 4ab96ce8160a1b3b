//! Why a cluster could not be started.

use std::io;
use std::path::PathBuf;

use crate::db::DbError;

/// What to do if PostgreSQL is missing.
const INSTALL: &str = "install it (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install \
     postgresql-server; macOS: brew install postgresql@17), or set POSTGRES_BIN_DIR to the folder of \
     its initdb, or give the database URLs";

/// Why a private cluster did not start or serve.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No PostgreSQL on this machine.
    #[error("no PostgreSQL server found on this machine: {INSTALL}")]
    NotInstalled,
    /// The data belongs to another major version, which is not installed.
    #[error(
        "{folder} was made by PostgreSQL {data}, and this machine has {found}: install {data}, or \
         remove the folder to begin anew"
    )]
    OtherVersion {
        /// The folder.
        folder: PathBuf,
        /// The version of the data.
        data: String,
        /// The versions on this machine.
        found: String,
    },
    /// Another process uses the folder.
    #[error("{0} is in use by another process: stop it, or choose another folder")]
    InUse(PathBuf),
    /// The user that Postgres runs as has no access.
    #[error(
        "user {user} cannot enter {folder}, and PostgreSQL does not run as root: choose a folder that \
         this user can reach, such as one below /var/lib"
    )]
    Unreachable {
        /// The folder without access.
        folder: PathBuf,
        /// The user.
        user: String,
    },
    /// A file or program could not be used.
    #[error("cannot {action}")]
    Io {
        /// The operation and its object.
        action: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The server did not start.
    #[error("PostgreSQL did not start: {0}")]
    NotStarted(String),
    /// The server refused a statement.
    #[error("the private PostgreSQL server gave an unexpected answer")]
    Database(#[from] DbError),
    /// The download failed.
    #[cfg(feature = "download")]
    #[error("no PostgreSQL server found on this machine, and it cannot be downloaded: {INSTALL}")]
    Download(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl EmbeddedError {
    /// For `map_err` on file system operations.
    pub(super) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}
