//! A Postgres server that keeps its address.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::embedded::{Data, Embedded, Options};
use anyhow::Context as _;
use url::Url;

use crate::interceptor::Interceptor;
use crate::pg_proxy::{PgProxy, Upstream};
use crate::rows::Database;

/// A server, its data, and an address that stays the same across restarts.
pub(super) struct Node {
    folder: PathBuf,
    server: Option<(Embedded, Url)>,
    upstream: Upstream,
    address: PgProxy,
}

impl Node {
    pub(super) async fn new(folder: PathBuf) -> anyhow::Result<Self> {
        let upstream = Upstream::default();
        Ok(Self {
            folder,
            server: None,
            address: PgProxy::open(Arc::new(Interceptor::default()), upstream.clone()).await?,
            upstream,
        })
    }

    pub(super) async fn start(&mut self) -> anyhow::Result<()> {
        let data = Data::Keep(self.folder.clone());
        let server = Embedded::start(Options::new(data, &Environment::of_process())).await?;
        let url = server.database("postgres").await?;
        let url = Url::parse(url.as_secret().expose())?;
        let addresses = url.socket_addrs(|| None)?;
        self.upstream
            .is_at(*addresses.first().context("an address")?);
        self.server = Some((server, url));
        Ok(())
    }

    /// Stops the server; its clients lose their connections.
    pub(super) async fn stop(&mut self) {
        if let Some((server, _)) = self.server.take() {
            server.stop().await;
        }
    }

    /// The folder of its data.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port of its address.
    pub(super) const fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn running(&self) -> anyhow::Result<&(Embedded, Url)> {
        self.server.as_ref().context("the server is stopped")
    }

    pub(super) async fn session(&self) -> anyhow::Result<Database> {
        Database::connect(self.running()?.1.as_str()).await
    }
}
