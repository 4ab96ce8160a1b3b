//! Errors of database operations.

use std::error::Error as StdError;
use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::doubt;
use crate::cipher::CipherError;

/// It has no business terms: the caller knows what the failure means.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The database is down or unreachable, or the connection broke. Temporary.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Box<dyn StdError + Send + Sync>),
    /// Every connection was in use for too long. Temporary.
    #[error("no database connection became free within {} s", .0.as_secs())]
    Exhausted(Duration),
    /// The database accepts no writes: it is read-only, a standby, or its disk is full. Temporary.
    #[error("the database accepts no writes at the moment")]
    Unwritable(#[source] DieselError),
    /// The database refused a statement.
    #[error("a database statement failed")]
    Query(#[source] DieselError),
    /// A migration cannot be applied.
    #[error("the database cannot be migrated")]
    Migration(#[source] Box<dyn StdError + Send + Sync>),
    /// A row contains a value that this build cannot read.
    #[error("row {key} of table {table} is corrupt: {problem}")]
    CorruptRow {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The problem.
        problem: String,
    },
    /// A stored secret cannot be sealed or opened.
    #[error(transparent)]
    Secret(#[from] CipherError),
}

impl DbError {
    /// Whether the same call may succeed later without any change.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Exhausted(_) | Self::Unwritable(_) => true,
            Self::Query(_) | Self::Migration(_) | Self::CorruptRow { .. } | Self::Secret(_) => {
                false
            }
        }
    }
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        if is_lost(&error) {
            doubt::begin();
            Self::Unreachable(Box::new(error))
        } else if is_read_only(&error) {
            doubt::begin();
            Self::Unwritable(error)
        } else if is_full(&error) {
            Self::Unwritable(error)
        } else {
            Self::Query(error)
        }
    }
}

/// SQLSTATE 25006: the server was demoted, or set read-only.
const fn is_read_only(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)
    )
}

/// SQLSTATE 53100, which Diesel does not expose. The server quotes the operating system, or gives this hint if a write
/// was incomplete.
fn is_full(error: &DieselError) -> bool {
    const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];
    let DieselError::DatabaseError(_, information) = error else {
        return false;
    };
    let message = information.message();
    FULL.iter().any(|words| message.contains(words))
        || information.hint() == Some("Check free disk space.")
}

/// Whether the connection was lost. Diesel has no kind for a server that is shutting down, and does not expose its
/// SQLSTATE; the messages of 57P01, 57P02 and 57P03 begin with the first words, and those of PgBouncer without a server
/// with the last.
fn is_lost(error: &DieselError) -> bool {
    const ENDING: [&str; 8] = [
        "terminating connection",
        "the database system is",
        "connection closed",
        "server conn crashed",
        "server closed the connection",
        "server login",
        "query_wait_timeout",
        "pgbouncer cannot connect",
    ];
    if let DieselError::DatabaseError(kind, information) = error {
        return matches!(
            kind,
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand
        ) || ENDING
            .iter()
            .any(|words| information.message().starts_with(words));
    }
    matches!(error, DieselError::BrokenTransactionManager)
}
