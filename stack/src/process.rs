//! A service of the stack as a separate process.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use agent_pool_core::http::Proxies;
use agent_pool_core::settings::Environment;
use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use url::Url;

use crate::part::Service;

/// Time limit for a service to start listening.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Time limit for a service to exit after SIGTERM: it finishes claims in flight first.
const STOP_LIMIT: Duration = Duration::from_secs(90);
/// What both services print once they accept requests.
const LISTENING: &str = "listening on ";
/// Lines of the log that an error shows.
const LOG_LINES: usize = 12;
/// Variables that a service inherits: paths, log settings and proxies. Nothing else, so that a stray `POOL_…` variable
/// does not change the stack.
const INHERITED: [&str; 8] = [
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "TZ",
    "LOG",
    "RUST_LOG",
    "RUST_BACKTRACE",
];

/// The file that a process logs to.
#[derive(Debug, Clone)]
pub enum Log {
    /// A new file; the log of an earlier process is overwritten.
    Replace(PathBuf),
    /// Appended to the log of earlier processes.
    Append(PathBuf),
}

/// A running service. It is killed when this is dropped, and exits when the program that started it does.
#[derive(Debug)]
pub struct Process {
    service: Service,
    child: Child,
    /// The service exits when this end of the pipe closes. Taken out of `child`, whose `wait` would close it.
    _parent_pipe: ChildStdin,
    log: PathBuf,
    url: Url,
}

impl Process {
    /// Starts a service, and waits until it listens.
    ///
    /// `command` is a program with its arguments. It gets the service as a hidden subcommand, which it passes to
    /// [`Service::run`].
    ///
    /// # Errors
    /// The process does not start, exits, or does not listen within a minute.
    pub async fn start(
        command: &[impl AsRef<OsStr>],
        service: Service,
        settings: &Environment,
        log: Log,
    ) -> anyhow::Result<Self> {
        let name = service.name();
        let (stderr, log) = log.open()?;
        let inherited = Environment::of_process();
        let inherited = INHERITED
            .into_iter()
            .chain(Proxies::VARIABLES)
            .filter_map(|name| Some((name, inherited.get(name)?)));
        let (program, arguments) = command.split_first().context("an empty command")?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(name)
            .env_clear()
            .envs(inherited)
            .envs(settings.with_prefix(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            // Its own process group, so that Ctrl-C reaches only the parent, which stops the services in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name} as {}", program.as_ref().display()))?;
        let parent_pipe = child.stdin.take().context("standard input is a pipe")?;
        let stdout = child.stdout.take().context("standard output is a pipe")?;
        let url = timeout(START_LIMIT, printed_url(stdout))
            .await
            .unwrap_or_else(|_| bail!("it is not listening after {} s", START_LIMIT.as_secs()))
            .with_context(|| format!("{name} did not start; {}", last_lines(&log)))?;
        Ok(Self {
            service,
            child,
            _parent_pipe: parent_pipe,
            log,
            url,
        })
    }

    /// The address that it printed.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// The printed URL has no address.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        let addresses = self.url.socket_addrs(|| None)?;
        addresses
            .into_iter()
            .next()
            .context("no address in the URL")
    }

    /// The process id; `None` once it has exited.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        Some(Pid::from_raw(i32::try_from(self.child.id()?).ok()?))
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// The process has exited.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid();
        let pid = pid.with_context(|| format!("{} has exited", self.service.name()))?;
        Ok(kill(pid, signal)?)
    }

    /// Waits until the process exits unexpectedly. Returns the status and the end of the log as an error.
    pub async fn exited(&mut self) -> anyhow::Error {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let name = self.service.name();
        anyhow::anyhow!("{name} exited ({status}); {}", last_lines(&self.log))
    }

    /// Waits until the process exits with success.
    ///
    /// # Errors
    /// It is still running after `limit`, or exits with another status.
    pub async fn exited_well(mut self, limit: Duration) -> anyhow::Result<()> {
        let status = timeout(limit, self.child.wait()).await;
        let status = status.with_context(|| format!("still running after {limit:?}"))??;
        ensure!(status.success(), "exited with {status}");
        Ok(())
    }

    /// Sends SIGTERM and waits for the exit.
    ///
    /// # Errors
    /// The process took too long and was killed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if self.signal(Signal::SIGTERM).is_err() {
            return Ok(());
        }
        if timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            self.child.kill().await?;
            let name = self.service.name();
            bail!("{name} did not exit on SIGTERM and was killed");
        }
        Ok(())
    }

    /// Kills the process with SIGKILL and waits for its end.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

impl Log {
    fn open(self) -> anyhow::Result<(File, PathBuf)> {
        let mut options = OpenOptions::new();
        options.create(true).mode(0o600);
        let path = match self {
            Self::Replace(path) => {
                options.write(true).truncate(true);
                path
            }
            Self::Append(path) => {
                options.append(true);
                path
            }
        };
        let file = options.open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok((file, path))
    }
}

async fn printed_url(stdout: ChildStdout) -> anyhow::Result<Url> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some(url) = line.strip_prefix(LISTENING) {
            return Ok(Url::parse(url.trim())?);
        }
    }
    bail!("it exited before it listened")
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    format!("the end of {}:\n{end}", log.display())
}
