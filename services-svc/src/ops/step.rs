//! What one step of an operation fails with.

use agent_pool_core::ProviderError;
use agent_pool_core::registry::LookupError;
use agent_pool_service_kit::db::DbError;

use crate::cipher::CipherError;
use crate::db::Gone;

/// Why a step failed, as whoever repairs it needs to know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    /// A vendor, or the way to it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// This build lacks a provider that a row names, or its settings are gone.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// There is no row to write to any more.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// A secret at rest.
    #[error(transparent)]
    Cipher(#[from] CipherError),
}
