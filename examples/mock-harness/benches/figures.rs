//! The figures of the harness: time to warm 5, claim latency, resident memory of the services.
//!
//! `cargo bench -p mock-harness`. It prints the figures and asserts nothing.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench fails by panicking"
)]
#![expect(clippy::print_stdout, reason = "what a bench is for")]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Harness, Home};
use tokio::time::{Instant, sleep};

const CLAIMS: usize = 200;
const WARM: u64 = 5;

#[tokio::main]
async fn main() {
    let home = Home::new();
    let mut harness = Harness::start(&home, &["--min-idle", "5"]).await;
    harness.line_with("warming the pool").await;
    let begun = Instant::now();
    harness.warm().await;
    println!("warm-up of {WARM} instances: {:?}", begun.elapsed());

    let pool = Pool::from_harness(&harness);
    let mut latencies = Vec::with_capacity(CLAIMS);
    for _ in 0..CLAIMS {
        latencies.push(pool.claim().await);
    }
    latencies.sort();
    let at = |share: usize| latencies[(CLAIMS - 1) * share / 100];
    println!(
        "{CLAIMS} claims: median {:?}, p95 {:?}, max {:?}",
        at(50),
        at(95),
        at(100)
    );
    for part in ["services-svc", "pool-svc", "agent-runtime"] {
        let all = home.processes().into_iter();
        let kib = all
            .filter(|process| process.command.contains(part))
            .map(|process| resident_kib(process.pid))
            .max();
        println!("{part}: {} KiB resident when idle", kib.unwrap());
    }
    harness.interrupt().await;
}

fn resident_kib(pid: nix::unistd::Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The Pool API of a running harness.
struct Pool {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Pool {
    fn from_harness(harness: &Harness<'_>) -> Self {
        let http = agent_pool_core::http::bare_builder().build().unwrap();
        Self {
            http,
            url: harness.printed("Pool API"),
            key: harness.printed("key"),
        }
    }

    /// One claim on a full pool; then the agent is destroyed, so that the machine does not fill up.
    async fn claim(&self) -> Duration {
        while self.counts().await["idle"].as_u64().unwrap() < WARM {
            sleep(Duration::from_millis(20)).await;
        }
        let url = format!("{}/api/pool/claim", self.url);
        let begun = Instant::now();
        let request = self.http.post(url).bearer_auth(&self.key).json(&json!({}));
        let claimed: Value = request.send().await.unwrap().json().await.unwrap();
        let elapsed = begun.elapsed();
        let id = claimed["instanceId"]
            .as_str()
            .unwrap_or_else(|| panic!("{claimed}"));
        let url = format!("{}/api/pool/instances/{id}", self.url);
        self.http
            .delete(url)
            .bearer_auth(&self.key)
            .send()
            .await
            .unwrap();
        elapsed
    }

    async fn counts(&self) -> Value {
        let url = format!("{}/api/pool/counts", self.url);
        self.http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }
}
