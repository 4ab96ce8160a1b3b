//! The parts that a tick needs.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::app::App;
use crate::costs::{BudgetGauges, budget_gauges};
use crate::ops::destruction::Destructions;
use crate::ops::warm_up::Creations;

/// How often old log entries and keys are pruned.
const PRUNED_EVERY: Duration = Duration::from_secs(20);

/// Runs ticks. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ticker {
    pub(super) app: App,
    pub(super) creations: Creations,
    pub(super) destructions: Destructions,
    /// One tick of this process at a time.
    pub(super) ticking: Arc<Mutex<()>>,
    /// Number of foreign instances at Services at the last tick: a change is logged.
    pub(super) foreign: Arc<AtomicU32>,
    /// The pools whose gauges this process has set, so that a pool that becomes empty is set to 0.
    pub(super) shown: Arc<std::sync::Mutex<BTreeSet<String>>>,
    /// The gauges of the pools with a budget.
    pub(super) budgets: Arc<BudgetGauges>,
    /// When this process last pruned.
    pruned: Arc<std::sync::Mutex<Option<Instant>>>,
}

impl Ticker {
    pub(crate) fn new(app: App, creations: Creations, destructions: Destructions) -> Self {
        Self {
            app,
            creations,
            destructions,
            ticking: Arc::default(),
            foreign: Arc::default(),
            shown: Arc::default(),
            budgets: Arc::new(budget_gauges()),
            pruned: Arc::default(),
        }
    }

    /// True for the first tick of this process, and then every [`PRUNED_EVERY`].
    pub(super) fn is_time_to_prune(&self) -> bool {
        let mut pruned = self.pruned.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = pruned.is_none_or(|pruned| pruned.elapsed() >= PRUNED_EVERY);
        if is_due {
            *pruned = Some(Instant::now());
        }
        is_due
    }
}
