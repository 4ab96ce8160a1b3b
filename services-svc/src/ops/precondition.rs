//! Why the state of an instance does not allow an operation.

use agent_pool_core::InstanceId;

/// The instance is in the wrong state. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PreconditionError {
    /// It has no row.
    #[error("there is no instance {0}")]
    Unknown(InstanceId),
    /// Another operation holds its lease.
    #[error("another operation on instance {0} is in progress: try again when it is done")]
    Busy(InstanceId),
    /// It is being destroyed, which cannot be reversed.
    #[error("instance {0} is being destroyed: repeat DELETE /destroy/{0} until it is gone")]
    Destroying(InstanceId),
    /// Its creation was interrupted.
    #[error("the creation of instance {0} is not complete: repeat POST /create-instance")]
    Unfinished(InstanceId),
}
