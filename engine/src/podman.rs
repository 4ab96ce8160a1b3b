//! A private Podman: its own storage, networks and socket, in a folder that is removed with it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// It exits after ten minutes without a call, in case the program that started it was killed.
const IDLE_LIMIT: &str = "--time=600";
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running engine. Dropping it removes everything that it holds.
#[derive(Debug)]
pub struct Podman {
    folder: TempDir,
    service: Child,
}

/// The first program of a private Podman that is not installed.
#[must_use]
pub fn missing_program() -> Option<&'static str> {
    let programs = ["/usr/bin/podman", "/usr/lib/podman/netavark"];
    let missing = programs.into_iter().find(|path| !Path::new(path).exists());
    missing.or_else(|| runtime().is_none().then_some("runc or crun"))
}

/// `runc` if it is installed, because `crun` fails on hybrid cgroups.
fn runtime() -> Option<&'static str> {
    let known = [
        ("runc", ["/usr/sbin/runc", "/usr/bin/runc"]),
        ("crun", ["/usr/bin/crun", "/usr/sbin/crun"]),
    ];
    let installed = |paths: &[&str; 2]| paths.iter().any(|path| Path::new(path).exists());
    known
        .into_iter()
        .find(|(_, paths)| installed(paths))
        .map(|(name, _)| name)
}

impl Podman {
    /// Starts a private Podman, and waits until it listens.
    ///
    /// # Errors
    /// It is not installed, or does not listen in time.
    pub async fn start() -> anyhow::Result<Self> {
        if let Some(missing) = missing_program() {
            bail!(
                "{missing} is not installed (Debian: apt install podman runc netavark aardvark-dns iptables)"
            );
        }
        let folder = tempfile::Builder::new().prefix("ap-podman-").tempdir()?;
        let path = folder.path();
        fs::create_dir_all(path.join("networks"))?;
        fs::write(path.join("containers.conf"), configuration(path))?;
        let socket = format!("unix://{}", socket(path).display());
        let service = command(path)
            .args(["system", "service", IDLE_LIMIT, &socket])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(path.join("service.log"))?)
            .spawn()
            .context("cannot start podman")?;
        let podman = Self { folder, service };
        let deadline = Instant::now() + START_LIMIT;
        // The socket file exists a moment before Podman listens.
        while UnixStream::connect(podman.socket()).is_err() {
            if Instant::now() > deadline {
                let log = fs::read_to_string(podman.folder.path().join("service.log"));
                bail!("Podman does not listen: {}", log.unwrap_or_default().trim());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(podman)
    }

    /// The engine's address, in the form of `DOCKER_HOST`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its folder, for [`Podman::remove_leftovers`].
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Removes the remains of an engine in this folder that was killed, if there are any.
    pub fn remove_leftovers(folder: &Path) {
        if folder.join("containers.conf").exists() {
            remove_all(folder);
            let _ = fs::remove_dir_all(folder);
        }
    }

    /// The socket that it listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// Runs a Podman command on this engine and returns its output.
    ///
    /// # Errors
    /// The command fails.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = command(self.folder.path()).args(arguments).output()?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "podman {arguments:?}: {}",
            message.trim()
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
        remove_all(self.folder.path());
    }
}

fn remove_all(folder: &Path) {
    for all in [
        &["rm", "--all", "--force", "--time", "0"][..],
        &["network", "prune", "--force"],
        // Layers are mounted below the folder until then.
        &["system", "reset", "--force"],
    ] {
        let _ = command(folder).args(all).output();
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("podman.sock")
}

fn command(folder: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("podman");
    // A process group of its own: Ctrl-C reaches only the parent, which stops Podman after its containers.
    command
        .process_group(0)
        // Conmon reports an out-of-memory kill in a file in its working directory.
        .current_dir(folder)
        .env("CONTAINERS_CONF", folder.join("containers.conf"))
        .env("TMPDIR", folder)
        .arg("--root")
        .arg(folder.join("root"))
        .arg("--runroot")
        .arg(folder.join("run"))
        .args(["--cgroup-manager", "cgroupfs"]);
    command
}

/// Limits that a process without privileges may set; locks, temporary files and a range of subnets of its own, because
/// several engines run at once.
fn configuration(folder: &Path) -> String {
    static ENGINES: AtomicU32 = AtomicU32::new(0);
    let engine = ENGINES.fetch_add(1, Ordering::Relaxed) % 16;
    let (second, third) = (64 + std::process::id() % 128, engine * 16);
    let runtime = runtime().unwrap_or("runc");
    format!(
        "[engine]\nruntime = \"{runtime}\"\nlock_type = \"file\"\ntmp_dir = \"{folder}/tmp\"\n\
         [containers]\ndefault_ulimits = [\"nofile=20000:20000\", \"nproc=4000:4000\"]\n\
         [network]\nnetwork_config_dir = \"{folder}/networks\"\n\
         default_subnet = \"10.{second}.{third}.0/24\"\n\
         default_subnet_pools = [{{ base = \"10.{second}.{third}.0/20\", size = 24 }}]\n",
        folder = folder.display(),
    )
}
