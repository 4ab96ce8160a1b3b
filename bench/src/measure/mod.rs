//! The measurements. Each starts its own processes on a database of its own.

mod claims;
mod footprint;
mod growth;
mod overhead;
mod recovery;
mod ticks;
mod warm_up;

use std::time::Duration;

use agent_pool_client::Services;
use agent_pool_core::Secret;
use anyhow::ensure;
use clap::ValueEnum;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::Size;
use crate::database::{Database, Server};
use crate::load;
use crate::report::Report;
use crate::service::{KEY, Process};
use crate::standin::StandIn;

const LOOK_LIMIT: Duration = Duration::from_secs(60);

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    Claims,
    Overhead,
    Ticks,
    WarmUp,
    Footprint,
    Recovery,
    Growth,
}

impl Measurement {
    pub(crate) const ALL: [Self; 7] = [
        Self::Claims,
        Self::Overhead,
        Self::Ticks,
        Self::WarmUp,
        Self::Footprint,
        Self::Recovery,
        Self::Growth,
    ];

    pub(crate) async fn run(self, lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
        match self {
            Self::Claims => claims::run(lab, report).await,
            Self::Overhead => overhead::run(lab, report).await,
            Self::Ticks => ticks::run(lab, report).await,
            Self::WarmUp => warm_up::run(lab, report).await,
            Self::Footprint => footprint::run(lab, report).await,
            Self::Recovery => recovery::run(lab, report).await,
            Self::Growth => growth::run(lab, report).await,
        }
    }
}

/// What the measurements share.
#[derive(Debug)]
pub(crate) struct Lab {
    server: Server,
    size: Size,
    http: reqwest::Client,
}

impl Lab {
    pub(crate) fn new(server: Server, size: Size) -> anyhow::Result<Self> {
        let http = load::http()?;
        Ok(Self { server, size, http })
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// How often each figure is taken.
    const fn runs(&self) -> usize {
        match self.size {
            Size::Tiny => 1,
            Size::Full => 5,
        }
    }

    const fn pick<T: Copy>(&self, tiny: T, full: T) -> T {
        match self.size {
            Size::Tiny => tiny,
            Size::Full => full,
        }
    }

    /// Starts pool-svc on a database of this name, with these settings besides.
    async fn pool(
        &self,
        name: &str,
        services: &Url,
        settings: &[(&'static str, String)],
    ) -> anyhow::Result<(Process, Database)> {
        let database = self.server.database(name).await?;
        let mut all = vec![
            ("POOL_DATABASE_URL", database.url.to_string()),
            ("SERVICES_URL", services.to_string()),
            ("POOL_TOOLS", "none".to_owned()),
            ("POOL_MIN_IDLE", "0".to_owned()),
            ("POOL_MAX_TOTAL", "1000000".to_owned()),
        ];
        all.extend_from_slice(settings);
        Ok((Process::start("pool-svc", &all).await?, database))
    }

    /// Milliseconds that one tick takes, asked for by `POST /api/pool/reconcile`.
    async fn tick(&self, pool: &Process) -> anyhow::Result<f64> {
        let url = pool.url.join("api/pool/reconcile")?;
        let started = Instant::now();
        let response = self.http.post(url).bearer_auth(KEY).send().await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "a tick was answered {status}: {body}");
        Ok(load::milliseconds(started.elapsed()))
    }

    /// Milliseconds until a client has the status batch as values: what any look at the fleet costs.
    async fn bare_batch(&self, standin: &StandIn) -> anyhow::Result<f64> {
        let http = agent_pool_client::Http::new("bench")?;
        let services = Services::new(&http, standin.url.clone(), Secret::new(KEY));
        let started = Instant::now();
        services.status(LOOK_LIMIT).await?;
        Ok(load::milliseconds(started.elapsed()))
    }
}

/// Polls until `count` instances have the status; fails after `limit`.
async fn until(
    database: &Database,
    status: &str,
    count: i64,
    limit: Duration,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        let now = database.count(status).await?;
        if now >= count {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{now} of {count} instances are {status} after {limit:?}"
        );
        sleep(Duration::from_millis(10)).await;
    }
}
