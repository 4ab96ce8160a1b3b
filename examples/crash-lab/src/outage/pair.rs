//! Two Postgres servers, one of which follows the other by streaming replication.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::node::Node;
use crate::lab::open_to_all;
use crate::settle::LOOK_EVERY;

const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(30);

/// A primary and its standby.
pub(super) struct Pair {
    nodes: [Node; 2],
    _folder: TempDir,
}

impl Pair {
    /// Starts both; the first is the primary.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("crash-lab-pair-")?;
        open_to_all(folder.path())?;
        let mut first = Node::new(folder.path().join("one")).await?;
        first.start().await?;
        let second = Node::new(folder.path().join("two")).await?;
        let mut pair = Self {
            nodes: [first, second],
            _folder: folder,
        };
        pair.follow(1, 0).await?;
        Ok(pair)
    }

    /// The address of a database, which names both servers.
    pub(super) async fn database(&self, name: &str) -> anyhow::Result<String> {
        let (server, url) = self.nodes[0].running()?;
        server.database(name).await?;
        let [one, two] = [&self.nodes[0], &self.nodes[1]].map(Node::port);
        let (user, password) = (url.username(), url.password().unwrap_or_default());
        Ok(format!(
            "postgres://{user}:{password}@127.0.0.1:{one},127.0.0.1:{two}/{name}?sslmode=disable&\
             target_session_attrs=read-write"
        ))
    }

    /// Makes a primary permanently read-only, as an operator who fences it does. Its sessions stay open.
    pub(super) async fn fence(&self, primary: usize) -> anyhow::Result<()> {
        let session = self.nodes[primary].session().await?;
        let read_only = "ALTER SYSTEM SET default_transaction_read_only = on";
        session.execute(read_only).await?;
        session.execute("SELECT pg_reload_conf()").await
    }

    /// Promotes the standby, after it has received all writes of the other server if that one still runs.
    pub(super) async fn promote(&self, standby: usize) -> anyhow::Result<()> {
        let to = self.nodes[standby].session().await?;
        if let Ok(from) = self.nodes[1 - standby].session().await {
            let written = "SELECT (pg_current_wal_flush_lsn() - '0/0')::int8";
            let written = from.number(written).await?;
            let replayed = "SELECT (pg_last_wal_replay_lsn() - '0/0')::int8";
            let begun = Instant::now();
            while to.number(replayed).await? < written {
                ensure!(begun.elapsed() < CAUGHT_UP_WITHIN, "the standby lags");
                sleep(LOOK_EVERY).await;
            }
        }
        let promoted = "SELECT pg_promote()::int::int8";
        ensure!(to.number(promoted).await? == 1, "it was not promoted");
        Ok(())
    }

    /// Stops a server; its clients lose their connections.
    pub(super) async fn stop(&mut self, node: usize) {
        self.nodes[node].stop().await;
    }

    /// Makes a server a standby of the other one, with a copy of all its data, whatever its role was.
    pub(super) async fn follow(&mut self, standby: usize, primary: usize) -> anyhow::Result<()> {
        self.stop(standby).await;
        let from = &self.nodes[primary];
        let (_, url) = from.running()?;
        let bin: String = from
            .session()
            .await?
            .text("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
            .await?;
        let folder = self.nodes[standby].folder().to_owned();
        let owner = from.folder().metadata()?;
        let (uid, gid) = (owner.uid(), owner.gid());
        let data = folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&folder)?;
        chown(&folder, Some(uid), Some(gid))?;
        fs::copy(from.folder().join("password"), folder.join("password"))?;
        let mut copy = Command::new(PathBuf::from(bin).join("pg_basebackup"));
        copy.args([
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--wal-method=stream",
        ])
        .arg("--pgdata")
        .arg(&data)
        .args(["--host=127.0.0.1", "--username", url.username()])
        .arg(format!("--port={}", url.port().context("a port")?))
        .env("PGPASSWORD", url.password().unwrap_or_default())
        .current_dir("/");
        if nix::unistd::Uid::effective().is_root() {
            copy.uid(uid).gid(gid);
        }
        let copied = tokio::task::spawn_blocking(move || copy.output()).await??;
        let said = String::from_utf8_lossy(&copied.stderr);
        ensure!(copied.status.success(), "pg_basebackup: {said}");
        self.nodes[standby].start().await
    }
}
