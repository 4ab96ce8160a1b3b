//! The fault storm: claims, kills and drains, while vendors fail and processes are killed at random;
//! then recover, and the promises.
//!
//! It comes in bursts. In the pauses between them nothing new breaks, so that instances become warm, and
//! the next burst hits claims, creations and destructions at work, not a system that is only starting.

mod clients;
mod faults;
mod kills;
mod report;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep};

use crate::lab::Lab;
use crate::settings::Pacing;
use crate::settle::LOOK_EVERY;
use crate::system::System;
use agent_pool_stack::Service;
pub use report::Report;

/// How long the system may take to come to rest after the storm.
const RECOVERED_WITHIN: Duration = Duration::from_secs(120);
/// How long Services may still be busy by then.
const BUSY_FOR: Duration = Duration::from_secs(10);
/// How many people claim at once.
const CLAIMERS: u64 = 4;
/// How long vendors fail and processes die in a row.
const BURST: Duration = Duration::from_secs(5);
/// How long they then do not.
const PAUSE: Duration = Duration::from_secs(4);

/// Impatient, so that much happens: what takes minutes in production takes a second.
const PACING: Pacing = Pacing {
    tick: 250,
    lease: 2_000,
    attempt: 2_000,
    min_idle: 6,
    max_total: 24,
    ..Pacing::QUIET
};

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Of all chance: the same seed makes the same plans, though not the same timing.
    pub seed: u64,
    /// How long it runs.
    pub duration: Duration,
}

/// What those who make the storm share.
#[derive(Debug)]
struct Storm {
    system: System,
    began: Instant,
    duration: Duration,
    report: Report,
    /// Every instance that was ever handed out.
    handed_out: Mutex<BTreeSet<String>>,
    /// Every instance that an operator killed: who is told of one of these afterwards has lost it.
    killed: Mutex<BTreeSet<String>>,
    /// What no recovery can mend.
    broken: Mutex<Vec<String>>,
}

impl Storm {
    fn runs(&self) -> bool {
        self.began.elapsed() < self.duration
    }

    /// How long the burst goes on that runs now.
    fn burst(&self) -> Option<Duration> {
        let since = self.began.elapsed();
        let cycle = (BURST + PAUSE).as_millis();
        let into = Duration::from_millis((since.as_millis() % cycle).try_into().ok()?);
        let left = BURST.checked_sub(into).filter(|left| !left.is_zero());
        left.filter(|_| self.runs())
    }

    /// Waits for a burst; false where there is none any more.
    async fn next_burst(&self) -> bool {
        while self.burst().is_none() && self.runs() {
            sleep(LOOK_EVERY).await;
        }
        self.runs()
    }

    /// An operator is about to kill this instance: it is nobody's any more.
    fn gives_up(&self, instance: &str) {
        let mut killed = self.killed.lock().unwrap_or_else(PoisonError::into_inner);
        killed.insert(instance.to_owned());
        self.system.forget_claim(instance);
    }

    fn breaks(&self, what: String) {
        self.broken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }
}

/// Runs one, and answers what happened in it.
///
/// # Errors
/// A promise that broke, with the ends of the logs; or the lab itself fails.
pub async fn run(lab: &Arc<Lab>, plan: Plan) -> anyhow::Result<Report> {
    let system = System::start(Arc::clone(lab), PACING, 1, plan.seed).await?;
    system
        .settle(Some(PACING.min_idle), RECOVERED_WITHIN)
        .await?;
    let storm = Storm {
        system,
        began: Instant::now(),
        duration: plan.duration,
        report: Report::default(),
        handed_out: Mutex::default(),
        killed: Mutex::default(),
        broken: Mutex::default(),
    };
    let chance =
        |actor: u64| StdRng::seed_from_u64(plan.seed.wrapping_mul(1_000).wrapping_add(actor));
    let claimers = (0..CLAIMERS).map(|number| clients::claim(&storm, number, chance(10 + number)));
    let (_, (), (), died) = tokio::join!(
        futures_util::future::join_all(claimers),
        clients::operate(&storm, chance(1)),
        faults::make(&storm, chance(2)),
        kills::kill_processes(&storm, chance(3)),
    );
    died?;
    let end = recover(&storm).await;
    end.map_err(|error| storm.system.tell(&error))
        .with_context(|| format!("seed {}", plan.seed))?;
    Ok(storm.report)
}

/// The vendors are well again, both services start anew, and the promises hold.
async fn recover(storm: &Storm) -> anyhow::Result<()> {
    let system = &storm.system;
    system.cloud.clear_faults();
    for part in [Service::ServicesSvc, Service::PoolSvc] {
        system.kill(part, 0).await?;
        system.expire_leases(part, BUSY_FOR).await?;
        system.restart(part, 0, PACING).await?;
    }
    let began = Instant::now();
    let settled = system.settle(None, RECOVERED_WITHIN).await;
    storm.report.recovered_after(began.elapsed());
    let unexpected = system.cloud.unexpected();
    let mut broken = storm
        .broken
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    broken.extend(settled.err().map(|error| format!("{error:#}")));
    broken.extend(
        unexpected
            .first()
            .map(|one| format!("no vendor knows {one:?}")),
    );
    anyhow::ensure!(broken.is_empty(), "broken: {}", broken.join("; "));
    storm.report.kept(system.claimed().len());
    Ok(())
}
