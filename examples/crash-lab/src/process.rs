//! One replica of a service: a process of its own, which can be killed and started again.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;
use url::Url;
use {
    provider_agentmail as _, provider_local as _, provider_openrouter as _, provider_railway as _,
    provider_telnyx as _,
};

/// How long a service may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);
const LISTENING: &str = "listening on ";

/// The services, each as the process that its own binary is: same entry point, same providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Part {
    /// pool-svc
    #[command(hide = true)]
    PoolSvc,
    /// services-svc, as distributed
    #[command(hide = true)]
    ServicesSvc,
}

impl Part {
    /// The word that the command line has for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PoolSvc => "pool-svc",
            Self::ServicesSvc => "services-svc",
        }
    }

    /// Is this service until SIGTERM, or until the process that started it is gone.
    ///
    /// # Errors
    /// As the service's own.
    pub async fn run(self) -> anyhow::Result<()> {
        std::thread::spawn(|| {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
            kill(Pid::this(), Signal::SIGKILL).ok();
        });
        match self {
            Self::PoolSvc => pool_svc::run(Environment::of_process()).await,
            Self::ServicesSvc => services_svc::serve(Environment::of_process()).await,
        }
    }
}

/// A running replica. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Held, because the process ends when it is closed.
    _leash: ChildStdin,
    url: Url,
}

impl Process {
    /// Starts `part` and waits until it listens. Its log is added to `log`.
    pub(crate) async fn start(
        exe: &Path,
        part: Part,
        settings: &[(&str, String)],
        log: &PathBuf,
    ) -> anyhow::Result<Self> {
        let stderr = open(log).with_context(|| format!("cannot write {}", log.display()))?;
        let inherited = Environment::of_process();
        let inherited = ["PATH", "RUST_BACKTRACE"].map(|name| (name, inherited.get(name)));
        let mut child = Command::new(exe)
            .arg(part.word())
            .env_clear()
            .envs(
                inherited
                    .iter()
                    .filter_map(|(name, value)| Some((name, (*value)?))),
            )
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {} {}", exe.display(), part.word()))?;
        let leash = child.stdin.take().context("its input is a pipe")?;
        let mut lines =
            BufReader::new(child.stdout.take().context("its output is a pipe")?).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix(LISTENING) {
                    return Ok(Url::parse(url.trim())?);
                }
            }
            bail!("it ended before it listened")
        };
        let url = timeout(START_LIMIT, listening)
            .await
            .unwrap_or_else(|_| bail!("it does not listen after {} s", START_LIMIT.as_secs()))
            .with_context(|| format!("{} did not start: see {}", part.word(), log.display()))?;
        Ok(Self {
            child,
            _leash: leash,
            url,
        })
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        let addresses = self.url.socket_addrs(|| None)?;
        addresses
            .into_iter()
            .next()
            .context("a URL with an address")
    }

    /// Its process id; `None` once it was waited for.
    pub(crate) fn pid(&self) -> Option<Pid> {
        Some(Pid::from_raw(i32::try_from(self.child.id()?).ok()?))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(self.pid().context("it has ended")?, signal)?)
    }

    /// Waits until it ends by itself, well.
    pub(crate) async fn ended(mut self, within: Duration) -> anyhow::Result<()> {
        let status = timeout(within, self.child.wait()).await;
        let status = status.with_context(|| format!("it does not end within {within:?}"))??;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }

    /// `kill -9`, where it still runs, and the end of it.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

fn open(log: &PathBuf) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(log)
}
