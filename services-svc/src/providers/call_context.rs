//! The context of calls to providers.

use std::time::Duration;

use agent_pool_core::Context;

/// Makes the context of every call of a provider.
#[derive(Debug, Clone)]
pub(super) struct CallContext {
    pub(super) context: Context,
    pub(super) limit: Duration,
}

impl CallContext {
    /// The context of a call that begins now.
    pub(super) fn now(&self) -> Context {
        self.context.within(self.limit)
    }
}
