//! The running service: its parts, as the routes pass them to their handlers.

use agent_pool_service_kit::supervisor::Supervisor;

use crate::app::App;
use crate::background::Background;
use crate::claim::Claims;
use crate::claim::serve::keep_queue;
use crate::costs::keep_reading_usage;
use crate::ops::destruction::Destructions;
use crate::ops::operations::Operations;
use crate::ops::replenish::keep_replenishing;
use crate::ops::reseal::keep_resealing;
use crate::ops::warm_up::Creations;
use crate::pools::change::declare;
use crate::sizing::keep_sizing;
use crate::tick::Ticker;
use crate::tick::timer::keep_ticking;
use crate::upgrades::Upgrader;
use crate::webhooks::keep_delivering;

/// The running service. Cheap to clone.
///
/// All state is in the database, so that any number of replicas may run on one database.
#[derive(Debug, Clone)]
pub struct Pool {
    pub(crate) app: App,
    pub(crate) background: Background,
    pub(crate) claims: Claims,
    pub(crate) creations: Creations,
    pub(crate) destructions: Destructions,
    pub(crate) ticker: Ticker,
}

impl Pool {
    /// A service that answers requests. The functions below start its background tasks, which run until shutdown.
    #[must_use]
    pub fn new(app: App, tasks: Supervisor) -> Self {
        let background = Background::new(tasks);
        let destructions = Destructions::new(app.clone(), background.clone());
        let creations = Creations::new(app.clone(), background.clone(), destructions.clone());
        Self {
            claims: Claims::new(app.clone(), background.clone(), destructions.clone()),
            ticker: Ticker::new(app.clone(), creations.clone(), destructions.clone()),
            app,
            background,
            creations,
            destructions,
        }
    }

    fn operations(&self) -> Operations {
        Operations {
            app: self.app.clone(),
            background: self.background.clone(),
            creations: self.creations.clone(),
            destructions: self.destructions.clone(),
        }
    }

    /// Serves the claims that wait for an instance, and renews the leases of work in progress.
    pub fn keep_serving(&self) {
        keep_queue(&self.claims, &self.creations);
        self.operations().keep_renewing();
    }

    /// Replaces claimed and destroyed instances at once.
    pub fn keep_replenishing(&self) {
        keep_replenishing(&self.creations, &self.background);
    }

    /// Applies `POOLS_FILE`.
    pub fn declare_pools(&self) {
        declare(&self.app, &self.background);
    }

    /// Takes over the work of replicas that died.
    pub fn keep_recovering(&self) {
        self.operations().keep_recovering();
    }

    /// Keeps stored values sealed with the newest key.
    pub fn keep_resealing(&self) {
        keep_resealing(&self.app, &self.background);
    }

    /// Decides each minute the targets of pools with an objective.
    pub fn keep_sizing(&self) {
        keep_sizing(&self.app, &self.background, &self.destructions);
    }

    /// Periodically asks Services for the usage of agents' tools.
    pub fn keep_reading_usage(&self) {
        keep_reading_usage(&self.app, &self.background);
    }

    /// Replaces idle instances of an old recipe.
    pub fn keep_rolling_out(&self) {
        self.operations().keep_rolling_out();
    }

    /// Upgrades claimed instances on request.
    pub fn keep_upgrading(&self) {
        Upgrader::new(self.app.clone(), self.background.clone()).keep_upgrading();
    }

    /// Sends the messages of webhooks.
    pub fn keep_delivering(&self) {
        keep_delivering(&self.app, &self.background);
    }

    /// Ticks every `TICK_INTERVAL_MS`.
    pub fn keep_ticking(&self) {
        keep_ticking(&self.ticker, &self.background);
    }
}
