//! Prevents a service from starting on a database of the original that is not adopted yet.

use super::state::{AdoptionState, find_state};
use crate::db::connect::connect;
use crate::db::{DatabaseSettings, DatabaseUrl, DbError};

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAdopted {
    /// The database contains tables of the original.
    #[error(
        "the database has tables of the Node.js original ({0}) that are not adopted: `{1} adopt` shows what it would \
         do with them, and `{1} adopt --apply` does it (docs/moving-in.md). For a new fleet, use an empty database"
    )]
    Here(String, &'static str),
    /// The tables of the original are in another database.
    #[error(
        "ORIGINAL_DATABASE_URL is set, and its tables are not adopted: `{0} adopt` shows what it would do with them, \
         and `{0} adopt --apply` does it (docs/moving-in.md)"
    )]
    Elsewhere(&'static str),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Fails if the rows of the original are not adopted: if the database of `service` has any of `tables` from the
/// original, or if their rows are to come from another database.
pub(crate) async fn require_adopted(
    direct: &DatabaseUrl,
    settings: &DatabaseSettings,
    service: &'static str,
    tables: &[&str],
) -> Result<(), NotAdopted> {
    match find_state(&mut connect(direct).await?, tables).await? {
        AdoptionState::Complete(_) => Ok(()),
        AdoptionState::Pending(names) => Err(NotAdopted::Here(names.join(", "), service)),
        AdoptionState::NothingThere if settings.original_url.is_some() => {
            Err(NotAdopted::Elsewhere(service))
        }
        AdoptionState::NothingThere => Ok(()),
    }
}
