//! One service of the stack as a process of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;
use url::Url;

use crate::cli::Part;

/// How long a service may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a service may take to end after SIGTERM: claims in flight are finished first.
const STOP_LIMIT: Duration = Duration::from_secs(90);
const LISTENING: &str = "listening on ";

/// A running service. Dropped, it is killed; if the harness itself is killed, it ends because its
/// standard input does (see [`end_with_parent`]).
#[derive(Debug)]
pub(crate) struct Service {
    part: Part,
    child: Child,
    /// Held, because the service ends when it is closed; taken out of `child`, which would close it
    /// when it is waited for.
    _leash: ChildStdin,
    log: PathBuf,
    url: Url,
}

impl Service {
    /// Starts a part of the stack and waits until it listens. Its log goes to `log`.
    pub(crate) async fn start(
        part: Part,
        settings: &Environment,
        log: PathBuf,
    ) -> anyhow::Result<Self> {
        let name = part.word();
        let stderr = std::fs::File::create(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(name)
            .env_clear()
            .envs(inherited())
            .envs(settings.with_prefix(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            // Ctrl-C is for the harness alone: it takes the parts down in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let leash = child.stdin.take().context("its input is a pipe")?;
        let stdout = child.stdout.take().context("its output is a pipe")?;
        let mut lines = BufReader::new(stdout).lines();
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
            .with_context(|| format!("{name} did not start; its log ends:\n{}", tail(&log)))?;
        Ok(Self {
            part,
            child,
            _leash: leash,
            log,
            url,
        })
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// Ends when the process does, which it should not: with what its log said last.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        let how = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        anyhow::anyhow!(
            "{} ended ({how}); its log ends:\n{}",
            self.part.word(),
            tail(&self.log)
        )
    }

    /// SIGTERM, then the end of the process; killed where it takes too long.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let Some(id) = self.child.id() else {
            return Ok(());
        };
        kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM).ok();
        if timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            self.child.kill().await?;
            bail!("{} did not end on SIGTERM and was killed", self.part.word());
        }
        Ok(())
    }
}

/// What a part takes over from the harness's own environment: where programs and files are, and how
/// much to log. Nothing else, so that a stray `POOL_…` variable does not change the demonstration.
fn inherited() -> impl Iterator<Item = (String, String)> {
    const NAMES: [&str; 8] = [
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "TZ",
        "LOG",
        "RUST_LOG",
        "RUST_BACKTRACE",
    ];
    let environment = Environment::of_process();
    NAMES
        .into_iter()
        .filter_map(move |name| Some((name.to_owned(), environment.get(name)?.to_owned())))
}

fn tail(log: &std::path::Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// For a part: ends this process, as SIGTERM would, when its parent's end of the pipe is closed,
/// which happens however the parent dies.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        kill(Pid::this(), Signal::SIGTERM).ok();
    });
}
