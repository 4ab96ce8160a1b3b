//! Who uses the system in a storm: people who claim, and an operator.

use std::sync::PoisonError;
use std::time::Duration;

use agent_pool_core::wire::pool::Claimed;
use rand::Rng as _;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::Storm;
use super::report::count;
use crate::client::Wish;
use agent_pool_stack::Service;

/// How often a claim with a key is asked for until there is an answer.
const TRIES: u32 = 8;

/// How many claims are left alone, to be there at the end.
const KEPT: usize = 8;

/// Claims one after another, as long as the storm blows.
pub(super) async fn claim(storm: &Storm, number: u64, mut chance: StdRng) {
    let mut serial = 0;
    while storm.blows() {
        serial += 1;
        let agent = format!("agent {number}-{serial}");
        let wish = Wish {
            key: chance.random_bool(0.5).then(|| agent.replace(' ', "-")),
            wait: chance.random_bool(0.7).then(|| chance.random_range(1..6)),
            agent,
        };
        storm.report.of(&wish).asked();
        let patience = chance
            .random_bool(0.15)
            .then(|| chance.random_range(20..400));
        match patience {
            Some(millis) => {
                let asked = timeout(Duration::from_millis(millis), ask(storm, &wish)).await;
                match asked {
                    Ok(answer) => told(storm, &wish, answer),
                    Err(_) => storm.report.of(&wish).hung_up(),
                }
            }
            None => {
                let answer = insist(storm, &wish, &mut chance).await;
                told(storm, &wish, answer);
            }
        }
        sleep(Duration::from_millis(chance.random_range(50..1_000))).await;
    }
}

async fn ask(storm: &Storm, wish: &Wish) -> anyhow::Result<Claimed> {
    let pool = storm.world.url(Service::PoolSvc, 0).await?;
    storm.world.client.claim(&pool, wish).await
}

/// Who has a key asks again after a failure; who has none must not, and has no claim.
async fn insist(storm: &Storm, wish: &Wish, chance: &mut StdRng) -> anyhow::Result<Claimed> {
    let mut answer = ask(storm, wish).await;
    for _ in 1..TRIES {
        if answer.is_ok() || wish.key.is_none() || !storm.blows() {
            break;
        }
        sleep(Duration::from_millis(chance.random_range(50..500))).await;
        answer = ask(storm, wish).await;
    }
    answer
}

fn told(storm: &Storm, wish: &Wish, answer: anyhow::Result<Claimed>) {
    let claimed = match answer {
        Ok(claimed) => claimed,
        Err(error) => return storm.report.refused(&error),
    };
    storm.report.of(wish).acknowledged();
    let id = claimed.instance_id.to_string();
    let mut handed_out = storm
        .handed_out
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if !handed_out.insert(id) {
        storm.breaks(format!("double claim: {} was told {claimed:?}", wish.agent));
    }
    drop(handed_out);
    let killed = storm.killed.lock().unwrap_or_else(PoisonError::into_inner);
    if !killed.contains(claimed.instance_id.as_str()) {
        storm.world.acknowledge(claimed);
    }
}

/// Kills, drains, creates and sweeps, as long as the storm blows.
pub(super) async fn operate(storm: &Storm, mut chance: StdRng) {
    while storm.blows() {
        count(&storm.report.operated);
        // What fails is tried again by nobody: the promises hold all the same.
        let done = match chance.random_range(0..10) {
            0..4 => kill(storm, &mut chance).await,
            4..7 => post(storm, "api/pool/replenish", json!({"count": 1})).await,
            7 => post(storm, "api/pool/drain", json!({"count": 1})).await,
            8 => post(storm, "api/pool/reconcile", json!({})).await,
            _ => sweep(storm).await,
        };
        drop(done);
        sleep(Duration::from_millis(chance.random_range(100..600))).await;
    }
}

/// Kills an instance that is somebody's, or that nobody knows to be theirs because the answer was
/// lost. It is no longer promised from here on.
async fn kill(storm: &Storm, chance: &mut StdRng) -> anyhow::Result<()> {
    let rows = storm.world.pool_database().await?.instances().await?;
    let rows = rows.into_iter();
    let taken = rows.filter(|(_, row)| matches!(row.status.as_str(), "claimed" | "crashed"));
    let taken: Vec<String> = taken.map(|(id, _)| id).collect();
    if taken.len() <= KEPT {
        return Ok(());
    }
    let id = &taken[chance.random_range(0..taken.len())];
    storm.gives_up(id);
    let path = format!("api/pool/instances/{id}");
    pool(storm, Method::DELETE, &path, json!({})).await
}

async fn post(storm: &Storm, path: &str, body: Value) -> anyhow::Result<()> {
    pool(storm, Method::POST, path, body).await
}

async fn pool(storm: &Storm, method: Method, path: &str, body: Value) -> anyhow::Result<()> {
    let pool = storm.world.url(Service::PoolSvc, 0).await?;
    storm.world.client.ask(&pool, method, path, body).await?;
    Ok(())
}

async fn sweep(storm: &Storm) -> anyhow::Result<()> {
    let services = storm.world.url(Service::ServicesSvc, 0).await?;
    let wanted = json!({"destroy": true});
    let client = &storm.world.client;
    client.ask(&services, Method::POST, "sweep", wanted).await?;
    Ok(())
}
