//! Clients that each make one claim after another.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use tokio::time::Instant;
use url::Url;

use crate::report::percentile;
use crate::service::KEY;

/// The measured work of concurrent clients.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) elapsed: Duration,
    /// Of each claim, in milliseconds.
    pub(crate) latencies: Vec<f64>,
}

impl Load {
    #[expect(clippy::cast_precision_loss, reason = "thousands of claims")]
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn latency(&self, percent: usize) -> f64 {
        percentile(&self.latencies, percent)
    }

    /// `total` divided by the number of claims, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "thousands of claims")]
    pub(crate) fn each_us(&self, total: Duration) -> f64 {
        total.as_secs_f64() * 1e6 / self.latencies.len().max(1) as f64
    }
}

/// `clients` clients claim until together they have made `claims` claims.
pub(crate) async fn claims(pool: &Url, clients: u32, claims: u32) -> anyhow::Result<Load> {
    let http = http()?;
    let url = pool.join("api/pool/claim")?;
    let each = claims / clients;
    let started = Instant::now();
    let client = |_| claim_in_turn(http.clone(), url.clone(), each);
    let latencies = try_join_all((0..clients).map(client)).await?;
    Ok(Load {
        elapsed: started.elapsed(),
        latencies: latencies.concat(),
    })
}

async fn claim_in_turn(http: reqwest::Client, url: Url, count: u32) -> anyhow::Result<Vec<f64>> {
    let task = tokio::spawn(async move {
        let mut latencies = Vec::new();
        for _ in 0..count {
            let started = Instant::now();
            let request = http.post(url.clone()).bearer_auth(KEY);
            let request = request
                .header("content-type", "application/json")
                .body("{}");
            let response = request.send().await?;
            let status = response.status();
            let body = response.text().await?;
            ensure!(status.is_success(), "a claim failed with {status}: {body}");
            latencies.push(milliseconds(started.elapsed()));
        }
        Ok(latencies)
    });
    task.await.context("a client panicked")?
}

/// A client without proxies, whose connections stay open.
pub(crate) fn http() -> anyhow::Result<reqwest::Client> {
    Ok(agent_pool_core::http::bare_builder()
        .no_proxy()
        .tcp_nodelay(true)
        .build()?)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
