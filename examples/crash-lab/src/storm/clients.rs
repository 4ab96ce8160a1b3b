//! The users of the system in a storm: clients that claim, and an operator.

use std::sync::PoisonError;
use std::time::Duration;

use agent_pool_client::ClaimOrder;
use agent_pool_core::wire::pool::Claimed;
use agent_pool_core::wire::services::SweepRequest;
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::{sleep, timeout};

use super::report::count;
use super::state::Storm;
use crate::calls::order;

/// How often a claim with a key is retried.
const TRIES: u32 = 8;

/// Number of claims that the operator leaves alone, so that some are left at the end.
const KEPT: usize = 8;

/// Claims repeatedly while the storm runs.
pub(super) async fn claim(storm: &Storm, number: u64, mut chance: StdRng) {
    let mut serial = 0;
    while storm.runs() {
        serial += 1;
        let agent = format!("agent {number}-{serial}");
        let Ok(order) = order(&agent) else { return };
        let order = ClaimOrder {
            idempotency_key: chance.random_bool(0.5).then(|| agent.replace(' ', "-")),
            wait: if chance.random_bool(0.7) {
                chance.random_range(1..6)
            } else {
                0
            },
            ..order
        };
        storm.report.claims(&order).asked();
        let patience = chance
            .random_bool(0.15)
            .then(|| chance.random_range(20..400));
        match patience {
            Some(millis) => {
                let asked = timeout(Duration::from_millis(millis), ask(storm, &order)).await;
                match asked {
                    Ok(answer) => record_answer(storm, &order, answer),
                    Err(_) => storm.report.claims(&order).hung_up(),
                }
            }
            None => {
                let answer = ask_repeatedly(storm, &order, &mut chance).await;
                record_answer(storm, &order, answer);
            }
        }
        sleep(Duration::from_millis(chance.random_range(50..1_000))).await;
    }
}

async fn ask(storm: &Storm, order: &ClaimOrder) -> anyhow::Result<Claimed> {
    storm.system.claim(order).await
}

/// Retries a claim with a key. One without a key must not be retried.
async fn ask_repeatedly(
    storm: &Storm,
    order: &ClaimOrder,
    chance: &mut StdRng,
) -> anyhow::Result<Claimed> {
    let mut answer = ask(storm, order).await;
    for _ in 1..TRIES {
        if answer.is_ok() || order.idempotency_key.is_none() || !storm.runs() {
            break;
        }
        sleep(Duration::from_millis(chance.random_range(50..500))).await;
        answer = ask(storm, order).await;
    }
    answer
}

/// Counts the answer to a claim, and records a double claim.
fn record_answer(storm: &Storm, order: &ClaimOrder, answer: anyhow::Result<Claimed>) {
    let claimed = match answer {
        Ok(claimed) => claimed,
        Err(error) => return storm.report.refused(&error),
    };
    storm.report.claims(order).acknowledged();
    let id = claimed.instance_id.to_string();
    let mut handed_out = storm
        .handed_out
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if !handed_out.insert(id) {
        let agent = &order.request.agent_name;
        storm.breaks(format!("double claim: {agent:?} got {claimed:?}"));
    }
    drop(handed_out);
    let killed = storm.killed.lock().unwrap_or_else(PoisonError::into_inner);
    if !killed.contains(claimed.instance_id.as_str()) {
        storm.system.acknowledge(claimed);
    }
}

/// Kills, drains, creates and sweeps while the storm runs.
pub(super) async fn operate(storm: &Storm, mut chance: StdRng) {
    while storm.runs() {
        count(&storm.report.operated);
        // Failures are not retried: the promises must hold anyway.
        let done = match chance.random_range(0..10) {
            0..4 => kill(storm, &mut chance).await,
            4..7 => storm.system.replenish(1).await,
            7 => drain(storm).await,
            8 => reconcile(storm).await,
            _ => sweep(storm).await,
        };
        drop(done);
        sleep(Duration::from_millis(chance.random_range(100..600))).await;
    }
}

/// Kills an instance that is claimed, even if the answer to the claim was lost. Its claim is no longer promised.
async fn kill(storm: &Storm, chance: &mut StdRng) -> anyhow::Result<()> {
    let rows = storm.system.pool_database().await?.instances().await?;
    let rows = rows.into_iter();
    let taken = rows.filter(|(_, row)| matches!(row.status.as_str(), "claimed" | "crashed"));
    let taken: Vec<String> = taken.map(|(id, _)| id).collect();
    if taken.len() <= KEPT {
        return Ok(());
    }
    let id = &taken[chance.random_range(0..taken.len())];
    storm.gives_up(id);
    storm.system.pool_api(0).await?.kill(&id.parse()?).await?;
    Ok(())
}

async fn drain(storm: &Storm) -> anyhow::Result<()> {
    storm.system.pool_api(0).await?.drain(None, 1).await?;
    Ok(())
}

async fn reconcile(storm: &Storm) -> anyhow::Result<()> {
    storm.system.pool_api(0).await?.reconcile().await?;
    Ok(())
}

async fn sweep(storm: &Storm) -> anyhow::Result<()> {
    let request = SweepRequest {
        destroy: true,
        ..SweepRequest::default()
    };
    storm.system.services_api(0).await?.sweep(&request).await?;
    Ok(())
}
