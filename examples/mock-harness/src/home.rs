//! The folder that is kept between runs: databases, keys, logs, instances.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore as _;

/// The file of the key of all the APIs.
const API_KEY: &str = "api-key";

/// The harness's folder, and what is where in it.
#[derive(Debug, Clone)]
pub(crate) struct Home(PathBuf);

impl Home {
    /// The folder given, or this user's own, there or not.
    pub(crate) fn known(given: Option<PathBuf>) -> anyhow::Result<Self> {
        Ok(Self(given.map_or_else(default_folder, Ok)?))
    }

    /// The folder given, or this user's own; it is made where it is not there.
    pub(crate) fn open(given: Option<PathBuf>) -> anyhow::Result<Self> {
        let Self(path) = Self::known(given)?;
        fs::create_dir_all(path.join("logs")).with_context(|| {
            format!(
                "cannot make the folder {}: name another with --data-dir",
                path.display()
            )
        })?;
        let path = path.canonicalize()?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    pub(crate) fn instances(&self) -> PathBuf {
        self.0.join("instances")
    }

    pub(crate) fn log(&self, part: &str) -> PathBuf {
        self.0.join("logs").join(format!("{part}.log"))
    }

    /// Where the stack of this folder says that it runs.
    pub(crate) fn addresses(&self) -> PathBuf {
        self.0.join("running.json")
    }

    /// The key of all the APIs, where one was made.
    pub(crate) fn known_api_key(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.join(API_KEY)).ok()?;
        Some(text.trim().to_owned())
    }

    /// The key of all the APIs; made at the first run and kept, because the instances know it.
    pub(crate) fn api_key(&self) -> anyhow::Result<String> {
        self.kept(API_KEY, || format!("pool-{}", nanoid::nanoid!(24)))
    }

    /// The key that secrets are encrypted with at rest; made at the first run and kept.
    pub(crate) fn encryption_key(&self) -> anyhow::Result<String> {
        self.kept("encryption-key", || {
            let mut key = [0; 32];
            rand::rng().fill_bytes(&mut key);
            STANDARD.encode(key)
        })
    }

    /// A secret in a file that only its owner can read.
    fn kept(&self, name: &str, make: impl FnOnce() -> String) -> anyhow::Result<String> {
        let path = self.0.join(name);
        if let Ok(text) = fs::read_to_string(&path) {
            return Ok(text.trim().to_owned());
        }
        let secret = make();
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(secret.as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(secret)
    }
}

/// Where a user's programs keep their state. Root's home is closed to the user that Postgres runs
/// as, so root has the machine's folder.
fn default_folder() -> anyhow::Result<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/agent-pool"));
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".local/state"));
    let base = state
        .or_else(home)
        .context("no home folder: name one with --data-dir")?;
    Ok(base.join("agent-pool"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_and_only_the_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("deep/er"))).unwrap();
        let key = home.api_key().unwrap();
        assert_eq!(home.api_key().unwrap(), key);
        let again = Home::open(Some(home.path().to_owned())).unwrap();
        assert_eq!(again.api_key().unwrap(), key);
        let mode = fs::metadata(home.path().join("api-key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn an_encryption_key_is_32_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().to_owned())).unwrap();
        assert_eq!(
            STANDARD
                .decode(home.encryption_key().unwrap())
                .unwrap()
                .len(),
            32
        );
    }
}
