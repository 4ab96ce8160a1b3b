//! A small disk that can be filled.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use nix::unistd::Uid;

/// Whether this user may mount a disk.
#[must_use]
pub fn can_mount() -> bool {
    Uid::effective().is_root()
}

/// A small disk. It is unmounted when this is dropped.
pub(super) struct Disk(PathBuf);

impl Disk {
    /// Mounts one of this size, such as `size=40m`, at `folder`, for the owner of `data`.
    pub(super) fn mount(folder: PathBuf, size: &str, data: &Path) -> anyhow::Result<Self> {
        fs::create_dir(&folder)?;
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(&folder)
            .status();
        ensure!(mount?.success(), "no disk can be mounted");
        let disk = Self(folder);
        fs::create_dir(disk.files())?;
        let owner = data.metadata()?;
        chown(disk.files(), Some(owner.uid()), Some(owner.gid()))?;
        Ok(disk)
    }

    /// A folder on it.
    pub(super) fn files(&self) -> PathBuf {
        self.0.join("files")
    }

    /// Takes all the space that is left.
    pub(super) fn fill(&self) -> anyhow::Result<()> {
        let mut file = File::create(self.0.join("filler"))?;
        loop {
            match file.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).context("the disk cannot be filled"),
            }
        }
    }

    /// Frees it.
    pub(super) fn free(&self) -> anyhow::Result<()> {
        fs::remove_file(self.0.join("filler")).context("the disk cannot be freed")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmount = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
        // A mount that is left behind is visible to the user.
        drop(unmount);
    }
}
