//! Why a tick ends early.

use agent_pool_service_kit::db::DbError;

use crate::db::tick_state::Standing;

/// Why a tick ended early. What it had done by then is complete, and the next tick continues.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TickError {
    /// It lost its turn, so its observation may be outdated.
    #[error("another replica took over: this tick does nothing more")]
    TakenOver,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<diesel::result::Error> for TickError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The fence: a tick that was taken over ends here, before it writes anything based on an outdated observation.
pub(super) const fn require_latest(standing: Standing) -> Result<(), TickError> {
    match standing {
        Standing::Latest => Ok(()),
        Standing::TakenOver => Err(TickError::TakenOver),
    }
}
