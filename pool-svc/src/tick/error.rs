//! Why a tick ended early.

use agent_pool_service_kit::db::DbError;

use crate::db::tick_state::Turn;

/// Why a tick ended early. What it had done by then is whole, and the next one goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TickError {
    /// It lost its lock, and what it saw may be out of date.
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

/// The fence: what follows it is not done for a tick that was taken over.
pub(super) const fn require(turn: Turn) -> Result<(), TickError> {
    match turn {
        Turn::Ours => Ok(()),
        Turn::TakenOver => Err(TickError::TakenOver),
    }
}
