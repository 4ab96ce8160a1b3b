//! Why one step of an operation failed.

use agent_pool_core::ProviderError;
use agent_pool_core::registry::LookupError;
use agent_pool_service_kit::db::DbError;

use crate::db::RowGone;
use agent_pool_service_kit::cipher::CipherError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// A vendor failed, or could not be reached.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// This build lacks a provider that a row names, or the provider is not configured.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The row was deleted, because its instance was destroyed meanwhile.
    #[error(transparent)]
    RowGone(#[from] RowGone),
    /// A stored secret could not be sealed or opened.
    #[error(transparent)]
    Cipher(#[from] CipherError),
}
