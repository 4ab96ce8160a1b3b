//! A service as a separate process: this binary, run again.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

/// The key of all APIs here.
pub(crate) const KEY: &str = "bench-key-0123456789";
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running service. It is killed on drop.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) url: Url,
    pub(crate) pid: u32,
}

impl Process {
    /// Starts `pool-svc` or `services-svc` and waits until it listens.
    pub(crate) async fn start(name: &str, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(name)
            .env_clear()
            .envs([
                ("HOST", "127.0.0.1"),
                ("PORT", "0"),
                ("POOL_API_KEY", KEY),
                ("LOG", "warn"),
            ])
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().context("it has ended")?;
        let stdout = child.stdout.take().context("its output is a pipe")?;
        let mut lines = BufReader::new(stdout).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("listening on ") {
                    return Ok(Url::parse(url.trim())?);
                }
            }
            bail!("{name} ended before it was listening")
        };
        let url = timeout(START_LIMIT, listening).await;
        let url = url.with_context(|| format!("{name} is not listening"))??;
        // Its later output is read, so that its pipe never fills.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, url, pid })
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}
