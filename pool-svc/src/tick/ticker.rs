//! What a tick works with.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tokio::sync::Mutex;

use crate::app::App;
use crate::ops::destruction::Destructions;
use crate::ops::warm_up::Creations;

/// Makes ticks. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ticker {
    pub(super) app: App,
    pub(super) creations: Creations,
    pub(super) destructions: Destructions,
    /// One tick of this process at a time.
    pub(super) ticking: Arc<Mutex<()>>,
    /// How many instances at Services were never ours at the last tick: a change is logged.
    pub(super) foreign: Arc<AtomicU32>,
}

impl Ticker {
    pub(crate) fn new(app: App, creations: Creations, destructions: Destructions) -> Self {
        Self {
            app,
            creations,
            destructions,
            ticking: Arc::default(),
            foreign: Arc::default(),
        }
    }
}
