//! The data folder: databases, keys, logs and instances, kept between runs.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use agent_pool_core::settings::Environment;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore as _;

/// The file of the key that both services and the instances share.
const API_KEY: &str = "api-key";
/// The default folder for root.
const ROOT_FOLDER: &str = "/var/lib/agent-pool";

/// The data folder and the paths in it.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    /// The given folder, or this user's default one. It need not exist.
    pub(crate) fn find(given: Option<PathBuf>) -> anyhow::Result<Self> {
        let by_default = || default_folder(&Environment::of_process());
        Ok(Self(given.map_or_else(by_default, Ok)?))
    }

    /// Like [`Self::find`], and creates the folder if it does not exist.
    ///
    /// Only this user can read it. If the user is root, others can traverse it, because Postgres runs as another user
    /// then; everything in it is closed to them.
    pub(crate) fn create(given: Option<PathBuf>) -> anyhow::Result<Self> {
        let Self(path) = Self::find(given)?;
        let is_root = nix::unistd::geteuid().is_root();
        let mode = if is_root { 0o711 } else { 0o700 };
        private_folder(&path, mode)
            .and_then(|()| private_folder(&path.join("logs"), 0o700))
            .with_context(|| {
                let path = path.display();
                format!("cannot create the folder {path}; choose another with --data-dir")
            })?;
        Ok(Self(path.canonicalize()?))
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

    pub(crate) fn log(&self, service: &str) -> PathBuf {
        self.0.join("logs").join(format!("{service}.log"))
    }

    /// The file with the addresses of this folder's stack.
    pub(crate) fn addresses(&self) -> PathBuf {
        self.0.join("running.json")
    }

    /// The API key, if there is one yet.
    pub(crate) fn existing_api_key(&self) -> Option<String> {
        let text = fs::read_to_string(self.0.join(API_KEY)).ok()?;
        Some(text.trim().to_owned())
    }

    /// The API key. Generated at the first run and kept, because the instances have it.
    pub(crate) fn api_key(&self) -> anyhow::Result<String> {
        self.secret(API_KEY, || format!("pool-{}", nanoid::nanoid!(24)))
    }

    /// The key that encrypts secrets at rest. Generated at the first run and kept.
    pub(crate) fn encryption_key(&self) -> anyhow::Result<String> {
        self.secret("encryption-key", || {
            let mut key = [0; 32];
            rand::rng().fill_bytes(&mut key);
            STANDARD.encode(key)
        })
    }

    /// A secret in a file that only its owner can read.
    fn secret(&self, name: &str, generate: impl FnOnce() -> String) -> anyhow::Result<String> {
        let path = self.0.join(name);
        if let Ok(text) = fs::read_to_string(&path) {
            return Ok(text.trim().to_owned());
        }
        let secret = generate();
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

/// Creates a folder with this mode, or sets the mode of an existing one: earlier versions left it to the umask.
fn private_folder(path: &Path, mode: u32) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Root's home is closed to the user that Postgres runs as, so the default for root is a system folder.
fn default_folder(environment: &Environment) -> anyhow::Result<PathBuf> {
    let state = environment.get("XDG_STATE_HOME").map(PathBuf::from);
    // The specification of these variables says to ignore a relative path.
    if let Some(state) = state.filter(|path| path.is_absolute()) {
        return Ok(state.join("agent-pool"));
    }
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from(ROOT_FOLDER));
    }
    let home = std::env::home_dir();
    let home = home.context("there is no home folder; choose a folder with --data-dir")?;
    Ok(home.join(".local/state/agent-pool"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn keys_are_generated_once_and_only_the_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::create(Some(folder.path().join("deep/er"))).unwrap();
        let key = data.api_key().unwrap();
        assert_eq!(data.api_key().unwrap(), key);
        let again = DataFolder::create(Some(data.path().to_owned())).unwrap();
        assert_eq!(again.api_key().unwrap(), key);
        assert_eq!(mode(&data.path().join("api-key")), 0o600);
    }

    #[test]
    fn nobody_else_lists_the_folder_or_reads_logs_also_one_of_an_earlier_version() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        for path in [folder.path().to_owned(), folder.path().join("logs")] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        let data = DataFolder::create(Some(folder.path().to_owned())).unwrap();
        assert_eq!(mode(data.path()) & 0o066, 0);
        assert_eq!(mode(&data.path().join("logs")), 0o700);
    }

    #[test]
    fn an_encryption_key_is_32_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::create(Some(folder.path().to_owned())).unwrap();
        let key = STANDARD.decode(data.encryption_key().unwrap()).unwrap();
        assert_eq!(key.len(), 32);
    }

    #[test]
    fn the_state_folder_that_a_user_sets_is_used_by_root_too() {
        let environment = Environment::from_iter([("XDG_STATE_HOME", "/somewhere")]);
        let folder = default_folder(&environment).unwrap();
        assert_eq!(folder, Path::new("/somewhere/agent-pool"));
        let relative = Environment::from_iter([("XDG_STATE_HOME", "somewhere")]);
        assert!(default_folder(&relative).unwrap().is_absolute());
    }
}
