//! The folder of one instance, which holds everything that the provider knows about it:
//!
//! ```text
//! LOCAL_DATA_DIR/lock                          held while a port is being chosen
//! LOCAL_DATA_DIR/ap-production/<instance id>/  its lock: one operation at a time
//!     service.json  output.log  output.old.log  data/
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use agent_pool_core::InstanceId;
use nix::fcntl::{Flock, FlockArg, OFlag};

/// The path of one instance's folder, which need not exist.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

/// The right to change one instance, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its drop")] Flock<File>);

impl Folder {
    pub(crate) fn new(root: &Path, environment: &str, instance: &InstanceId) -> Self {
        Self(root.join(environment).join(instance.as_str()))
    }

    pub(crate) fn service(&self) -> PathBuf {
        self.0.join("service.json")
    }

    /// The data folder, which survives restarts.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.0.join("output.log")
    }

    pub(crate) fn old_output(&self) -> PathBuf {
        self.0.join("output.old.log")
    }

    pub(crate) fn make(&self) -> io::Result<()> {
        make(&self.data())
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.0)
    }

    /// Waits until nobody else works on the instance; `None` if there is no folder.
    pub(crate) fn lock(&self) -> io::Result<Option<Lock>> {
        let mut options = OpenOptions::new();
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let options = options.read(true).custom_flags(flags.bits());
        let file = match options.open(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let lock = lock(file)?;
        // The previous holder may have removed the folder.
        let still_there = match fs::metadata(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            now => is_same_file(&now?, &lock.metadata()?),
        };
        Ok(still_there.then_some(Lock(lock)))
    }
}

/// Every instance's folder in one environment. Other names than instance ids are ignored.
pub(crate) fn list(root: &Path, environment: &str) -> io::Result<Vec<(InstanceId, Folder)>> {
    let entries = match fs::read_dir(root.join(environment)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let id = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(id) = id.filter(|_| entry.path().is_dir()) {
            found.push((id, Folder(entry.path())));
        }
    }
    Ok(found)
}

/// Every instance's folder, in every environment.
pub(crate) fn all(root: &Path) -> io::Result<Vec<Folder>> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(environment) = name.to_str().filter(|_| entry.path().is_dir()) {
            let folders = list(root, environment)?.into_iter();
            found.extend(folders.map(|(_, folder)| folder));
        }
    }
    Ok(found)
}

/// Excludes every other creation, in any process, until it is dropped.
pub(crate) fn lock_root(root: &Path) -> io::Result<Lock> {
    make(root)?;
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(false);
    Ok(Lock(lock(file.open(root.join("lock"))?)?))
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn lock(file: File) -> io::Result<Flock<File>> {
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
}

fn is_same_file(a: &fs::Metadata, b: &fs::Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}
