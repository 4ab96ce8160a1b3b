//! Why a tick ends early.

use agent_pool_service_kit::db::DbError;

use crate::db::tick_state::Standing;

/// Why a tick ended early. What it had done by then is complete, and the next tick goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TickError {
    /// It lost its turn, and what it saw may be out of date.
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

/// The fence: a tick that was taken over ends here.
pub(super) const fn require_latest(standing: Standing) -> Result<(), TickError> {
    match standing {
        Standing::Latest => Ok(()),
        Standing::TakenOver => Err(TickError::TakenOver),
    }
}
