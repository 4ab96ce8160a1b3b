//! The state that all actors of a storm share.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::report::Report;
use crate::settings::Pacing;
use crate::settle::LOOK_EVERY;
use crate::system::System;

/// The length of a burst of faults.
const BURST: Duration = Duration::from_secs(5);
/// The pause between two bursts.
const PAUSE: Duration = Duration::from_secs(4);

/// How many times longer than planned a storm may last.
const LONGEST: u32 = 4;

/// Short intervals: what takes minutes in production takes a second here.
pub(super) const PACING: Pacing = Pacing {
    tick: 250,
    lease: 2_000,
    attempt: 2_000,
    min_idle: 6,
    max_total: 24,
    ..Pacing::QUIET
};

/// The state that all actors of the storm share.
#[derive(Debug)]
pub(super) struct Storm {
    pub(super) system: System,
    pub(super) began: Instant,
    pub(super) duration: Duration,
    pub(super) report: Report,
    /// Every instance that a claim ever returned.
    pub(super) handed_out: Mutex<BTreeSet<String>>,
    /// Every instance that the operator killed: a claim of one of these that is acknowledged later is not promised.
    pub(super) killed: Mutex<BTreeSet<String>>,
    /// Broken promises that no recovery can repair.
    pub(super) broken: Mutex<Vec<String>>,
}

impl Storm {
    /// On a slow machine it goes on until each process was killed.
    pub(super) fn runs(&self) -> bool {
        let elapsed = self.began.elapsed();
        let more = || self.report.killed().contains(&0) && elapsed < self.duration * LONGEST;
        elapsed < self.duration || more()
    }

    /// How much longer the current burst lasts; `None` in a pause.
    pub(super) fn burst(&self) -> Option<Duration> {
        let since = self.began.elapsed();
        let cycle = (BURST + PAUSE).as_millis();
        let into = Duration::from_millis((since.as_millis() % cycle).try_into().ok()?);
        let left = BURST.checked_sub(into).filter(|left| !left.is_zero());
        left.filter(|_| self.runs())
    }

    /// Waits for the next burst; false if the storm is over.
    pub(super) async fn next_burst(&self) -> bool {
        while self.burst().is_none() && self.runs() {
            sleep(LOOK_EVERY).await;
        }
        self.runs()
    }

    /// The operator is about to kill this instance, so its claim is no longer promised.
    pub(super) fn gives_up(&self, instance: &str) {
        let mut killed = self.killed.lock().unwrap_or_else(PoisonError::into_inner);
        killed.insert(instance.to_owned());
        self.system.forget_claim(instance);
    }

    pub(super) fn breaks(&self, what: String) {
        self.broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }
}
