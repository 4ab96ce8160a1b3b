//! Why an operation does not begin, given the state that its instance is in.

use agent_pool_core::InstanceId;

/// Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no row of it.
    #[error("no instance {0}")]
    Unknown(InstanceId),
    /// Another operation is making or destroying something of it.
    #[error("another operation on instance {0} is under way: try again when it is done")]
    Busy(InstanceId),
    /// It is being taken down, which is never taken back.
    #[error("instance {0} is being destroyed: repeat DELETE /destroy/{0} until it is gone")]
    Destroying(InstanceId),
    /// A creation of it was cut off.
    #[error("the creation of instance {0} is not done: repeat POST /create-instance")]
    Unfinished(InstanceId),
}
