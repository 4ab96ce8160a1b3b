//! The parts of the running service, put together: what the routes hand to their handlers.

use agent_pool_service_kit::supervisor::Supervisor;

use crate::app::App;
use crate::background::Background;
use crate::claim::Claims;
use crate::claim::queue::keep_queue;
use crate::ops::destruction::Destructions;
use crate::ops::warm_up::Creations;
use crate::tick::Ticker;
use crate::tick::timer::keep_ticking;

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
}

impl Pool {
    /// A service that answers requests. Until [`Pool::keep_queue`], claims that wait are not served, and
    /// until [`Pool::keep_ticking`], nothing happens unasked.
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

    /// Serves the claims that wait for an instance, until shutdown.
    pub fn keep_queue(&self) {
        keep_queue(&self.claims, &self.creations, &self.background.tasks);
    }

    /// Ticks every `TICK_INTERVAL_MS`, and at once when asked, until shutdown.
    pub fn keep_ticking(&self) {
        keep_ticking(&self.ticker, &self.background);
    }
}
