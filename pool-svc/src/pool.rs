//! The parts of the running service, put together: what the routes hand to their handlers.

use agent_pool_service_kit::supervisor::Supervisor;

use crate::app::App;
use crate::background::Background;
use crate::claim::Claims;
use crate::claim::serve::keep_queue;
use crate::costs::keep_reading_usage;
use crate::ops::destruction::Destructions;
use crate::ops::recover::Recovery;
use crate::ops::replenish::keep_replenishing;
use crate::ops::reseal::keep_resealing;
use crate::ops::warm_up::Creations;
use crate::pools::change::declare;
use crate::rollout::Rollouts;
use crate::sizing::keep_sizing;
use crate::tick::Ticker;
use crate::tick::timer::keep_ticking;
use crate::upgrades::Upgrader;
use crate::webhooks::keep_delivering;

/// The running service. Cheap to clone.
///
/// Nothing that it keeps in memory has to survive: any number of replicas may run on one database.
#[derive(Debug, Clone)]
pub struct Pool {
    pub(crate) app: App,
    pub(crate) background: Background,
    pub(crate) claims: Claims,
    pub(crate) creations: Creations,
    pub(crate) destructions: Destructions,
    pub(crate) ticker: Ticker,
    pub(crate) recovery: Recovery,
}

impl Pool {
    /// A service that answers requests. What happens unasked is started by the functions below; each of
    /// them runs until shutdown.
    #[must_use]
    pub fn new(app: App, tasks: Supervisor) -> Self {
        let background = Background::new(tasks);
        let destructions = Destructions::new(app.clone(), background.clone());
        let creations = Creations::new(app.clone(), background.clone(), destructions.clone());
        let recovery = Recovery::new(
            app.clone(),
            background.clone(),
            creations.clone(),
            destructions.clone(),
        );
        Self {
            recovery,
            claims: Claims::new(app.clone(), background.clone(), destructions.clone()),
            ticker: Ticker::new(app.clone(), creations.clone(), destructions.clone()),
            app,
            background,
            creations,
            destructions,
        }
    }

    /// Serves the claims that wait for an instance, and renews the leases of what is under way.
    pub fn keep_serving(&self) {
        keep_queue(&self.claims, &self.creations);
        self.recovery.keep_renewing();
    }

    /// Replaces what is claimed or destroyed, as soon as it is.
    pub fn keep_replenishing(&self) {
        keep_replenishing(&self.creations, &self.background);
    }

    /// Applies `POOLS_FILE`.
    pub fn declare_pools(&self) {
        declare(&self.app, &self.background);
    }

    /// Takes over the work of replicas that died.
    pub fn keep_recovering(&self) {
        self.recovery.keep_recovering();
    }

    /// Keeps what is sealed in the database sealed with the newest key.
    pub fn keep_resealing(&self) {
        keep_resealing(&self.app, &self.background);
    }

    /// Decides each minute how many idle instances the pools with an objective keep.
    pub fn keep_sizing(&self) {
        keep_sizing(&self.app, &self.background, &self.destructions);
    }

    /// Asks from time to time what the tools of agents have used.
    pub fn keep_reading_usage(&self) {
        keep_reading_usage(&self.app, &self.background);
    }

    /// Replaces idle instances of an old recipe.
    pub fn keep_rolling_out(&self) {
        let Self {
            app,
            background,
            creations,
            destructions,
            ..
        } = self.clone();
        Rollouts::new(app, background, creations, destructions).keep_rolling_out();
    }

    /// Upgrades the claimed instances for which that is requested.
    pub fn keep_upgrading(&self) {
        Upgrader::new(self.app.clone(), self.background.clone()).keep_upgrading();
    }

    /// Sends the messages of webhooks.
    pub fn keep_delivering(&self) {
        keep_delivering(&self.app, &self.background);
    }

    /// Looks at the fleet every `TICK_INTERVAL_MS`.
    pub fn keep_ticking(&self) {
        keep_ticking(&self.ticker, &self.background);
    }
}
