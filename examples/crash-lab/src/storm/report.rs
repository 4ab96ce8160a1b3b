//! The statistics of a storm.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use agent_pool_client::ClaimOrder;

use agent_pool_stack::Service;

/// The statistics of a storm.
#[derive(Debug, Default)]
pub struct Report {
    /// Claims with neither key nor wait, with a wait, with a key, and with both.
    claims: [Claims; 4],
    refused: Mutex<BTreeMap<String, u64>>,
    pub(super) operated: AtomicU64,
    pub(super) faults: AtomicU64,
    pool_killed: AtomicU64,
    services_killed: AtomicU64,
    pub(super) postgres_killed: AtomicU64,
    kept: AtomicUsize,
    recovered_after: Mutex<Duration>,
}

/// The names of the kinds of claims, in the order of [`Report::claims`].
const KINDS: [&str; 4] = [
    "plain",
    "with a wait",
    "with a key",
    "with a key and a wait",
];

/// The claims of one kind.
#[derive(Debug, Default)]
pub(super) struct Claims {
    asked: AtomicU64,
    acknowledged: AtomicU64,
    hung_up: AtomicU64,
}

impl Claims {
    pub(super) fn asked(&self) {
        count(&self.asked);
    }

    pub(super) fn acknowledged(&self) {
        count(&self.acknowledged);
    }

    /// The client hung up before the answer.
    pub(super) fn hung_up(&self) {
        count(&self.hung_up);
    }
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Report {
    /// The number of claims that clients requested.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.claims.iter().map(|kind| load(&kind.asked)).sum()
    }

    /// The number of acknowledged claims.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.claims
            .iter()
            .map(|kind| load(&kind.acknowledged))
            .sum()
    }

    /// The number of kills of pool-svc, services-svc and Postgres.
    #[must_use]
    pub fn killed(&self) -> [u64; 3] {
        [
            &self.pool_killed,
            &self.services_killed,
            &self.postgres_killed,
        ]
        .map(load)
    }

    /// The counts of claims of this kind.
    pub(super) const fn claims(&self, order: &ClaimOrder) -> &Claims {
        let [plain, waiting, keyed, both] = &self.claims;
        match (order.idempotency_key.is_some(), order.wait > 0) {
            (false, false) => plain,
            (false, true) => waiting,
            (true, false) => keyed,
            (true, true) => both,
        }
    }

    /// The number of kills of this service.
    pub(super) const fn killed_of(&self, part: Service) -> &AtomicU64 {
        match part {
            Service::PoolSvc => &self.pool_killed,
            Service::ServicesSvc => &self.services_killed,
        }
    }

    /// Counts a claim that failed for good.
    pub(super) fn refused(&self, why: &anyhow::Error) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(why.to_string()).or_default() += 1;
    }

    pub(super) fn kept(&self, claims: usize) {
        self.kept.store(claims, Ordering::Relaxed);
    }

    pub(super) fn recovered_after(&self, time: Duration) {
        *self
            .recovered_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = time;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (asked, acknowledged) = (self.asked(), self.acknowledged());
        let percent = acknowledged * 100 / asked.max(1);
        writeln!(
            f,
            "claims: {asked} requested, {acknowledged} acknowledged ({percent} %)"
        )?;
        for (kind, claims) in KINDS.iter().zip(&self.claims) {
            writeln!(
                f,
                "    {kind}: {} requested, {} acknowledged, {} abandoned by the client",
                load(&claims.asked),
                load(&claims.acknowledged),
                load(&claims.hung_up)
            )?;
        }
        for (why, times) in &*self.refused.lock().unwrap_or_else(PoisonError::into_inner) {
            writeln!(f, "    {times} refused: {why}")?;
        }
        let [pool, services, postgres] = self.killed();
        writeln!(
            f,
            "operator: {} kills, drains, creations, ticks and sweeps; faults of vendors: {}",
            load(&self.operated),
            load(&self.faults)
        )?;
        writeln!(
            f,
            "kill -9: {pool} of pool-svc, {services} of services-svc, {postgres} of Postgres"
        )?;
        let kept = self.kept.load(Ordering::Relaxed);
        let recover = *self
            .recovered_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        write!(
            f,
            "all promises hold {} ms after the storm; {kept} acknowledged claims were neither killed nor lost",
            recover.as_millis()
        )
    }
}
