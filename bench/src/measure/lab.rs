//! The context that the measurements share.

use std::num::NonZeroUsize;
use std::time::Duration;

use agent_pool_client::Services;
use agent_pool_core::Secret;
use anyhow::ensure;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::database::{Database, Server};
use crate::load;
use crate::service::{KEY, Process};
use crate::size::Size;
use crate::standin::StandIn;

const LOOK_LIMIT: Duration = Duration::from_secs(60);

/// The context that the measurements share.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(super) server: Server,
    pub(super) size: Size,
    runs: Option<NonZeroUsize>,
    pub(super) http: reqwest::Client,
}

impl Lab {
    /// `runs` overrides the default number of runs for the size.
    pub(crate) fn new(
        server: Server,
        size: Size,
        runs: Option<NonZeroUsize>,
    ) -> anyhow::Result<Self> {
        let http = load::http()?;
        Ok(Self {
            server,
            size,
            runs,
            http,
        })
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// The number of runs for each figure.
    pub(super) const fn runs(&self) -> usize {
        match (self.runs, self.size) {
            (Some(runs), _) => runs.get(),
            (None, Size::Tiny) => 1,
            (None, Size::Full) => 5,
        }
    }

    pub(super) const fn pick<T: Copy>(&self, tiny: T, full: T) -> T {
        match self.size {
            Size::Tiny => tiny,
            Size::Full => full,
        }
    }

    /// Starts pool-svc on a database of this name, with these additional settings.
    pub(super) async fn pool(
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

    /// Duration of one tick in milliseconds, requested by `POST /api/pool/reconcile`.
    pub(super) async fn tick(&self, pool: &Process) -> anyhow::Result<f64> {
        let url = pool.url.join("api/pool/reconcile")?;
        let started = Instant::now();
        let response = self.http.post(url).bearer_auth(KEY).send().await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "a tick failed with {status}: {body}");
        Ok(load::milliseconds(started.elapsed()))
    }

    /// Milliseconds until a client has the status batch as a map: the minimum cost of observing the fleet.
    pub(super) async fn bare_batch(&self, standin: &StandIn) -> anyhow::Result<f64> {
        let http = agent_pool_client::Http::new("bench")?;
        let services = Services::new(&http, standin.url.clone(), Secret::new(KEY));
        let started = Instant::now();
        services.status(LOOK_LIMIT).await?.parse()?;
        Ok(load::milliseconds(started.elapsed()))
    }
}

/// Polls until `count` instances have the status; fails after `limit`.
pub(super) async fn until(
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
