//! The background of this process: the supervisor that runs tasks, the leases that they hold, and the signals that wake
//! the loops of [`run`](mod@crate::run). It does not depend on any of that work, so every layer may hold one.

use std::sync::Arc;

use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::supervisor::Supervisor;
use tokio::sync::Notify;

use crate::held_leases::HeldLeases;

/// The tasks, leases and wake-ups of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    pub(crate) tasks: Supervisor,
    pub(crate) leases: HeldLeases,
    replenish: Arc<Notify>,
    tick: Arc<Notify>,
    roll_out: Arc<Notify>,
    upgrade: Arc<Notify>,
}

impl Background {
    pub(crate) fn new(tasks: Supervisor) -> Self {
        Self {
            tasks,
            leases: HeldLeases::default(),
            replenish: Arc::default(),
            tick: Arc::default(),
            roll_out: Arc::default(),
            upgrade: Arc::default(),
        }
    }

    pub(crate) fn shutdown(&self) -> &Shutdown {
        self.tasks.shutdown()
    }

    /// Requests a check for missing instances. Requests that arrive together lead to one check.
    pub(crate) fn request_replenish(&self) {
        self.replenish.notify_one();
    }

    /// Returns once [`Self::request_replenish`] was called.
    pub(crate) async fn replenish_requested(&self) {
        self.replenish.notified().await;
    }

    /// Requests a tick now. Requests that arrive together lead to one tick.
    pub(crate) fn request_tick(&self) {
        self.tick.notify_one();
    }

    /// Returns once [`Self::request_tick`] was called.
    pub(crate) async fn tick_requested(&self) {
        self.tick.notified().await;
    }

    /// Requests a check of the roll-outs now.
    pub(crate) fn request_roll_out(&self) {
        self.roll_out.notify_one();
    }

    /// Returns once [`Self::request_roll_out`] was called.
    pub(crate) async fn roll_out_requested(&self) {
        self.roll_out.notified().await;
    }

    /// Requests a check of the upgrades now.
    pub(crate) fn request_upgrade(&self) {
        self.upgrade.notify_one();
    }

    /// Returns once [`Self::request_upgrade`] was called.
    pub(crate) async fn upgrade_requested(&self) {
        self.upgrade.notified().await;
    }
}
