//! Why an operation does not begin, given the state of its instance.

use agent_pool_core::InstanceId;

/// The instance is in the wrong state. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PreconditionError {
    /// It has no row.
    #[error("no instance {0}")]
    Unknown(InstanceId),
    /// Another operation holds its lease.
    #[error("another operation on instance {0} is in progress: try again when it is done")]
    Busy(InstanceId),
    /// It is being destroyed, which is never taken back.
    #[error("instance {0} is being destroyed: repeat DELETE /destroy/{0} until it is gone")]
    Destroying(InstanceId),
    /// Its creation was cut off.
    #[error("the creation of instance {0} is not complete: repeat POST /create-instance")]
    Unfinished(InstanceId),
}
