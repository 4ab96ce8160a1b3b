//! What handlers and operations need to have work done in the background: the supervisor that runs
//! tasks, and the signals that wake the loops of [`run`](crate::run). It knows nothing of that work, so
//! that every layer may hold one.

use std::sync::Arc;

use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::supervisor::Supervisor;
use tokio::sync::Notify;

/// The tasks and wake-ups of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    pub(crate) tasks: Supervisor,
    tick: Arc<Notify>,
}

impl Background {
    pub(crate) fn new(tasks: Supervisor) -> Self {
        Self {
            tasks,
            tick: Arc::default(),
        }
    }

    pub(crate) fn shutdown(&self) -> &Shutdown {
        self.tasks.shutdown()
    }

    /// Asks for a tick now. Requests that come together lead to one tick.
    pub(crate) fn request_tick(&self) {
        self.tick.notify_one();
    }

    /// Returns once a tick was requested.
    pub(crate) async fn tick_requested(&self) {
        self.tick.notified().await;
    }
}
