//! The folder of a cluster: its data, its password, its log, and the lock on all of it.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_pool_core::Secret;
use rand::Rng;
use rand::distr::Alphanumeric;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::EmbeddedError;
use super::user::RunAs;

/// How long to wait for a folder: the server of a killed process ends within this time. It first writes everything to
/// the disk, and its watchdog gives it this long.
const FREE_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Creates the folder if it is missing, for the user that Postgres runs as.
    pub(super) fn prepare(path: &Path, user: &RunAs) -> Result<Self, EmbeddedError> {
        let shown = path.display();
        fs::create_dir_all(path).map_err(EmbeddedError::io(format!("make {shown}")))?;
        let path = path
            .canonicalize()
            .map_err(EmbeddedError::io(format!("find {shown}")))?;
        user.check_way_to(&path)?;
        user.own(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o700))
            .map_err(EmbeddedError::io(format!("close {shown} to others")))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The end of the server's log, which says why it did not start.
    pub(super) fn last_words(&self) -> String {
        let path = self.path.join("server.log");
        let log = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        if lines.is_empty() {
            return format!("{} is empty", path.display());
        }
        lines[lines.len().saturating_sub(5)..].join("; ")
    }

    /// The version that created the data, if there is data.
    pub(super) fn data_version(&self) -> Option<String> {
        let text = fs::read_to_string(self.data().join("PG_VERSION")).ok()?;
        Some(text.trim().to_owned())
    }

    /// Removes the pid file of an earlier server that no longer runs, for example after a power failure: its process id
    /// may belong to another program by now, and stopping the server would kill that one.
    ///
    /// Call it only with the lock. If the server is running after all, Postgres finds its shared memory and refuses to
    /// start.
    pub(super) fn forget_dead_server(&self) {
        let pid_file = self.data().join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&pid_file) else {
            return;
        };
        let port = text.lines().nth(3).and_then(|line| line.parse().ok());
        let listens = |port: u16| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        if !port.is_some_and(listens) {
            // If it cannot be removed, the server reports that when it starts.
            let _ = fs::remove_file(pid_file);
        }
    }

    /// Locks the folder for as long as the file, or a copy of it in a child process, is open.
    pub(super) async fn lock(&self) -> Result<File, EmbeddedError> {
        let path = self.path.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(EmbeddedError::io(format!("open {}", path.display())))?;
        let shown = self.path.display();
        let mut said = false;
        let deadline = Instant::now() + FREE_WITHIN;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if !said => {
                    said = true;
                    let seconds = FREE_WITHIN.as_secs();
                    info!(
                        "waiting at most {seconds} s for the folder {shown}, which another process uses"
                    );
                }
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    sleep(Duration::from_millis(20)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(EmbeddedError::InUse(self.path.clone()));
                }
                Err(TryLockError::Error(source)) => {
                    return Err(EmbeddedError::io(format!("lock {}", path.display()))(
                        source,
                    ));
                }
            }
        }
    }

    /// The password of the cluster, generated if there is none yet.
    pub(super) fn password(&self, user: &RunAs) -> Result<Secret, EmbeddedError> {
        let path = self.path.join("password");
        let shown = path.display();
        if let Ok(text) = fs::read_to_string(&path)
            && !text.is_empty()
        {
            return Ok(Secret::new(text));
        }
        let password = random_password();
        OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(password.expose().as_bytes()))
            .map_err(EmbeddedError::io(format!("write {shown}")))?;
        user.own(&path)?;
        Ok(password)
    }
}

pub(super) fn random_password() -> Secret {
    let letters = rand::rng().sample_iter(Alphanumeric).take(32);
    Secret::new(letters.map(char::from).collect::<String>())
}
