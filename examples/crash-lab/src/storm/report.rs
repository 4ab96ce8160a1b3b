//! What happened in a storm, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Counts of what happened.
#[derive(Debug, Default)]
pub struct Report {
    pub(super) asked: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) hung_up: AtomicU64,
    refused: Mutex<BTreeMap<String, u64>>,
    pub(super) operated: AtomicU64,
    pub(super) faults: AtomicU64,
    pub(super) pool_killed: AtomicU64,
    pub(super) services_killed: AtomicU64,
    pub(super) postgres_killed: AtomicU64,
    kept: AtomicUsize,
    calm_after: Mutex<Duration>,
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Report {
    /// How many claims clients were told of.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// How many processes were killed.
    #[must_use]
    pub fn killed(&self) -> u64 {
        let killed = [
            &self.pool_killed,
            &self.services_killed,
            &self.postgres_killed,
        ];
        killed.map(|one| one.load(Ordering::Relaxed)).iter().sum()
    }

    /// A claim that failed in the end, and with what.
    pub(super) fn refused(&self, why: &anyhow::Error) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(why.to_string()).or_default() += 1;
    }

    pub(super) fn kept(&self, claims: usize) {
        self.kept.store(claims, Ordering::Relaxed);
    }

    pub(super) fn calm_after(&self, time: Duration) {
        *self
            .calm_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = time;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        writeln!(
            f,
            "claims: {} asked for, {} acknowledged, {} hung up on; {} kills, drains, sweeps and the like",
            of(&self.asked),
            of(&self.acknowledged),
            of(&self.hung_up),
            of(&self.operated)
        )?;
        for (why, times) in &*self.refused.lock().unwrap_or_else(PoisonError::into_inner) {
            writeln!(f, "    {times} refused: {why}")?;
        }
        writeln!(
            f,
            "faults of vendors: {}; kill -9: {} of pool-svc, {} of services-svc, {} of Postgres",
            of(&self.faults),
            of(&self.pool_killed),
            of(&self.services_killed),
            of(&self.postgres_killed)
        )?;
        let kept = self.kept.load(Ordering::Relaxed);
        let calm = *self
            .calm_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        write!(
            f,
            "all promises hold {} ms after the storm; {kept} acknowledged claims that nobody killed are there",
            calm.as_millis()
        )
    }
}
