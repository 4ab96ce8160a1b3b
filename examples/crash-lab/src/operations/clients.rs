//! Clients that claim agents and kill them without pause, each with a connection for each request. They retry only
//! if the response asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use agent_pool_core::wire::pool::Claimed;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use url::Url;

use super::plant::WITHIN;
use crate::settings::KEY;
use crate::settle::LOOK_EVERY;

/// They stop when this is dropped.
pub(super) struct Clients {
    name: &'static str,
    shared: Arc<Shared>,
    tasks: JoinSet<anyhow::Result<()>>,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    claims: AtomicU32,
    repeated: AtomicU32,
}

/// The counts of the clients.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claims {
    /// Claims that were answered 200.
    pub(super) served: u32,
    /// Claims that waited at a replica that ended, and were repeated.
    pub(super) repeated: u32,
}

impl Clients {
    /// Starts `count` clients of the Pool at `url`. `name` is for errors.
    pub(super) fn start(name: &'static str, url: &Url, http: &reqwest::Client, count: u32) -> Self {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let client = Client {
                url: url.to_string(),
                http: http.clone(),
                name: format!("{name} {number}"),
                shared: Arc::clone(&shared),
            };
            tasks.spawn(client.run());
        }
        Self {
            name,
            shared,
            tasks,
        }
    }

    /// Waits until this many more claims are served.
    pub(super) async fn until_more(&mut self, count: u32) -> anyhow::Result<()> {
        let wanted = self.shared.claims.load(Ordering::Relaxed) + count;
        let deadline = Instant::now() + WITHIN;
        while self.shared.claims.load(Ordering::Relaxed) < wanted {
            if let Some(failed) = self.tasks.try_join_next() {
                failed??;
            }
            let name = self.name;
            ensure!(Instant::now() < deadline, "the claims of {name} hang");
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Lets each client finish its current claim.
    pub(super) async fn end(mut self) -> anyhow::Result<Claims> {
        self.shared.ended.store(true, Ordering::Relaxed);
        while let Some(client) = self.tasks.join_next().await {
            client??;
        }
        let claims = Claims {
            served: self.shared.claims.load(Ordering::Relaxed),
            repeated: self.shared.repeated.load(Ordering::Relaxed),
        };
        ensure!(claims.served > 0, "{} claimed nothing", self.name);
        Ok(claims)
    }
}

struct Client {
    url: String,
    http: reqwest::Client,
    name: String,
    shared: Arc<Shared>,
}

impl Client {
    async fn run(self) -> anyhow::Result<()> {
        while !self.shared.ended.load(Ordering::Relaxed) {
            let claimed = self.claim_and_kill().await;
            claimed.with_context(|| self.name.clone())?;
            self.shared.claims.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn claim_and_kill(&self) -> anyhow::Result<()> {
        let claimed = loop {
            if let Some(claimed) = self.claim().await? {
                break claimed;
            }
            self.shared.repeated.fetch_add(1, Ordering::Relaxed);
        };
        let kill = format!("{}api/pool/instances/{}", self.url, claimed.instance_id);
        // Only to make room: an answer is not promised.
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
        let answer = request.send().await.context("a claim got no answer")?;
        let (status, text) = (answer.status(), answer.text().await?);
        if status == 503 {
            let problem: Problem = serde_json::from_str(&text)?;
            let says_when_to_retry =
                problem.code == ProblemCode::ShuttingDown && problem.retry_after.is_some();
            ensure!(says_when_to_retry, "a claim failed with {status}: {text}");
            return Ok(None);
        }
        ensure!(status == 200, "a claim failed with {status}: {text}");
        Ok(Some(serde_json::from_str(&text)?))
    }
}
