//! Three replicas of each service are restarted one after another while clients claim: no claim fails. One that waits
//! for an instance at a replica that ends is told to ask again, which is all that a client has to know of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use agent_pool_core::wire::pool::Claimed;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::plant::{Plant, cloud};
use crate::lab::Lab;
use crate::settings::{KEY, Pacing};

const REPLICAS: usize = 3;
const IDLE: u32 = 4;
const PACING: Pacing = Pacing {
    tick: 1_000,
    lease: 5_000,
    min_idle: IDLE,
    max_total: 40,
    ..Pacing::QUIET
};

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often every replica is restarted.
    pub rounds: u32,
    /// Clients that claim at the same time.
    pub clients: u32,
}

/// What was done.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Claims that were answered 200.
    pub claims: u32,
    /// Those that waited at a replica that ended, and were asked for again.
    pub repeated: u32,
    /// Restarts of a replica of either service.
    pub restarts: u32,
    /// How long all of it took.
    pub took: Duration,
}

/// Runs the scenario.
///
/// # Errors
/// A claim fails, or a replica does not exit.
pub async fn run(lab: &Arc<Lab>, plan: Plan) -> anyhow::Result<Report> {
    let start = Plant::start(lab, REPLICAS, PACING, cloud(1), |_, _| {});
    let mut plant = start.await?;
    let done = steps(&mut plant, plan).await;
    done.map_err(|error| plant.with_logs(&error))
}

async fn steps(plant: &mut Plant, plan: Plan) -> anyhow::Result<Report> {
    plant.until_idle(IDLE as usize).await?;
    let begun = Instant::now();
    let ended = Arc::new(AtomicBool::new(false));
    let claims = Arc::new(AtomicU32::new(0));
    let repeated = Arc::new(AtomicU32::new(0));
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let client = Client {
            url: plant.pool_url()?.to_string(),
            http: plant.lab.http(),
            name: format!("client {number}"),
            repeated: Arc::clone(&repeated),
        };
        let (ended, claims) = (Arc::clone(&ended), Arc::clone(&claims));
        clients.spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                client.claim_and_kill().await?;
                claims.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    let mut rolled = Ok(());
    for _ in 0..plan.rounds {
        rolled = rolled.and(plant.roll().await);
    }
    ended.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client??;
    }
    rolled?;
    let claims = claims.load(Ordering::Relaxed);
    ensure!(claims > 0, "nobody claimed");
    let replicas = u32::try_from(2 * REPLICAS)?;
    Ok(Report {
        claims,
        repeated: repeated.load(Ordering::Relaxed),
        restarts: plan.rounds * replicas,
        took: begun.elapsed(),
    })
}

/// A client that opens a connection for each request, and asks again only if it is told to.
struct Client {
    url: String,
    http: reqwest::Client,
    name: String,
    repeated: Arc<AtomicU32>,
}

impl Client {
    async fn claim_and_kill(&self) -> anyhow::Result<()> {
        let claimed = loop {
            if let Some(claimed) = self.claim().await? {
                break claimed;
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
        };
        let kill = format!("{}api/pool/instances/{}", self.url, claimed.instance_id);
        // Only to make room: that it is answered is no promise.
        let _ = self.http.delete(kill).bearer_auth(KEY).send().await;
        Ok(())
    }

    /// `None` if the claim waited at a replica that ended.
    async fn claim(&self) -> anyhow::Result<Option<Claimed>> {
        let claim = format!("{}api/pool/claim?wait=60", self.url);
        let body = serde_json::json!({"agentName": self.name}).to_string();
        let request = self.http.post(claim).bearer_auth(KEY);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        let answer = request.send().await.context("a claim was cut off")?;
        let (status, text) = (answer.status(), answer.text().await?);
        if status == 503 {
            let problem: Problem = serde_json::from_str(&text)?;
            let says_when_to_retry =
                problem.code == ProblemCode::ShuttingDown && problem.retry_after.is_some();
            ensure!(says_when_to_retry, "a claim was answered {status}: {text}");
            return Ok(None);
        }
        ensure!(status == 200, "a claim was answered {status}: {text}");
        Ok(Some(serde_json::from_str(&text)?))
    }
}
