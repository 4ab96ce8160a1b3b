//! Makes the rows of the table for an operation: finds its steps in undisturbed runs, then runs one system for each
//! kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{StreamExt as _, stream};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{Operation, Outcome, Row, Table};
use crate::interceptor::{Step, When};
use crate::lab::Lab;
use crate::settings::Pacing;
use crate::system::System;
use agent_pool_stack::Service;

/// How long a system may take to recover. It takes about a second on a quiet machine.
const RECOVERED_WITHIN: Duration = Duration::from_secs(40);
/// The number of undisturbed runs: some steps are not taken in every run.
const SURVEYS: usize = 2;
/// How long the other service may be busy with the requests of the killed one.
const BUSY_FOR: Duration = Duration::from_secs(10);
/// How long to see no step before an operation begins, so that its preparation has ended.
const QUIET: Duration = Duration::from_millis(300);
/// The number of attempts to kill at a step that is not taken in every run.
const TRIES: usize = 3;

/// A sample has every kill after a step that writes, and one of this many others.
const SAMPLE: u32 = 3;

/// `INSTANCE_LEASE_MS` and `POOL_WORK_LEASE_MS` after the kill: how often a service looks for interrupted operations.
const RECOVERY_LEASE_MS: u32 = 2_000;

/// The operation ended and nothing was killed.
#[derive(Debug, Clone, Copy)]
struct NotTaken;

impl std::fmt::Display for NotTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the step was not taken")
    }
}

impl std::error::Error for NotTaken {}

/// The options of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The operation.
    pub operation: Operation,
    /// The number of systems that run at the same time.
    pub at_once: usize,
    /// A sample instead of every kill: all after a step that writes, and a third of the others, which this seed chooses.
    pub sample: Option<u64>,
}

/// A step of a service, and its number.
#[derive(Debug, Clone)]
struct Known {
    killed: Service,
    number: usize,
    step: Step,
    /// In how many undisturbed runs it was taken.
    runs: usize,
}

/// Kills at every step of an operation, before and after it. A step that only reads has no effect in between, so one
/// kill covers both.
///
/// # Errors
/// The lab itself fails: a system does not start, or the operation does not work undisturbed.
pub async fn run(lab: &Arc<Lab>, plan: Plan) -> anyhow::Result<Table> {
    let steps = survey(lab, plan.operation).await?;
    let kills = steps.iter().flat_map(|known| {
        let after = (!known.step.only_reads()).then_some((known, When::After));
        [(known, When::Before)].into_iter().chain(after)
    });
    let mut kills: Vec<_> = kills.collect();
    let all = kills.len();
    if let Some(seed) = plan.sample {
        let mut chance = StdRng::seed_from_u64(seed);
        kills.retain(|(_, when)| {
            let taken = chance.random_ratio(1, SAMPLE);
            *when == When::After || taken
        });
    }
    let rows = kills.into_iter();
    let rows = rows.map(|(known, when)| kill(lab, plan.operation, known, when));
    let rows: Vec<_> = rows.collect();
    let rows = stream::iter(rows).buffered(plan.at_once).collect().await;
    Ok(Table { rows, all })
}

/// The steps of an operation, in the order in which they were taken.
async fn survey(lab: &Arc<Lab>, operation: Operation) -> anyhow::Result<Vec<Known>> {
    let mut known: Vec<Known> = Vec::new();
    for _ in 0..SURVEYS {
        for (killed, steps) in watch(lab, operation).await? {
            for step in steps.into_iter().filter(|step| operation.owns(step)) {
                let mut of_service = known.iter_mut().filter(|one| one.killed == killed);
                if let Some(again) = of_service.find(|one| one.step == step) {
                    again.runs += 1;
                    continue;
                }
                let number = known.iter().filter(|one| one.killed == killed).count() + 1;
                known.push(Known {
                    killed,
                    number,
                    step,
                    runs: 1,
                });
            }
        }
    }
    known.sort_by_key(|one| (one.killed == Service::ServicesSvc, one.number));
    Ok(known)
}

/// An undisturbed run.
async fn watch(lab: &Arc<Lab>, operation: Operation) -> anyhow::Result<Vec<(Service, Vec<Step>)>> {
    let (system, subject) = system(lab, operation).await?;
    let interceptors = [
        &*system.pools[0].interceptor,
        &*system.services[0].interceptor,
    ];
    interceptors
        .iter()
        .for_each(|interceptor| interceptor.record());
    operation.act(&system, &subject, interceptors).await;
    // The creations and destructions that a tick begins are operations of their own.
    if operation != Operation::Tick {
        quiet(&system).await;
    }
    let [pool, services] = interceptors.map(crate::interceptor::Interceptor::end);
    let end = recovered(&system, operation, &subject).await;
    end.map_err(|error| system.with_logs(&error))
        .with_context(|| format!("{operation} fails undisturbed"))?;
    Ok(vec![
        (Service::PoolSvc, pool),
        (Service::ServicesSvc, services),
    ])
}

async fn system(lab: &Arc<Lab>, operation: Operation) -> anyhow::Result<(System, String)> {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let system = System::start(Arc::clone(lab), operation.pacing(), 1, seed).await?;
    let subject = operation.set_up(&system).await;
    let subject = subject
        .map_err(|error| system.with_logs(&error))
        .with_context(|| format!("{operation} cannot start"))?;
    quiet(&system).await;
    Ok((system, subject))
}

/// Waits until neither service takes a step.
async fn quiet(system: &System) {
    for replica in [&system.pools[0], &system.services[0]] {
        replica.interceptor.quiet(QUIET).await;
    }
}

async fn kill(lab: &Arc<Lab>, operation: Operation, known: &Known, when: When) -> Row {
    let mut outcome = Outcome::NotTaken;
    for _ in 0..TRIES {
        outcome = match kill_once(lab, operation, known, when).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Broken(format!("{error:#}")),
        };
        if outcome != Outcome::NotTaken {
            break;
        }
    }
    Row {
        operation,
        killed: known.killed,
        number: known.number,
        step: known.step.clone(),
        regular: known.runs == SURVEYS,
        when,
        outcome,
    }
}

async fn kill_once(
    lab: &Arc<Lab>,
    operation: Operation,
    known: &Known,
    when: When,
) -> anyhow::Result<Outcome> {
    let (system, subject) = system(lab, operation).await?;
    let interceptors = [
        &*system.pools[0].interceptor,
        &*system.services[0].interceptor,
    ];
    let interceptor = match known.killed {
        Service::PoolSvc => interceptors[0],
        Service::ServicesSvc => interceptors[1],
    };
    interceptor.set(known.step.clone(), when);
    // If the killed service is not the client's, the client waits for its answer while the killed one restarts.
    let acted = operation.act(&system, &subject, interceptors);
    let started_again = async {
        interceptor.wait().await;
        system.kill(known.killed, 0).await?;
        system.expire_leases(known.killed, BUSY_FOR).await?;
        let pacing = Pacing {
            lease: RECOVERY_LEASE_MS,
            work_lease: RECOVERY_LEASE_MS,
            ..operation.pacing()
        };
        system.restart(known.killed, 0, pacing).await
    };
    let acted = async {
        acted.await;
        // Work that continues after the answer belongs to the operation.
        quiet(&system).await;
        if !interceptor.triggered() {
            return Err(anyhow::Error::new(NotTaken));
        }
        Ok(())
    };
    match tokio::try_join!(acted, started_again) {
        Err(error) if error.is::<NotTaken>() => return Ok(Outcome::NotTaken),
        done => done?,
    };
    let end = recovered(&system, operation, &subject).await;
    end.map_err(|error| system.with_logs(&error))?;
    Ok(Outcome::Held)
}

/// Lets the system recover, repeats the operation, and checks the promises.
async fn recovered(system: &System, operation: Operation, subject: &str) -> anyhow::Result<()> {
    if operation == Operation::Sweep {
        // The promises hold again only after the interrupted sweep is repeated.
        operation.again(system, subject).await?;
    }
    system
        .settle(operation.idle_after(), RECOVERED_WITHIN)
        .await?;
    operation.again(system, subject).await?;
    system
        .settle(operation.idle_after(), RECOVERED_WITHIN)
        .await
}
