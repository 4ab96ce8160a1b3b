//! The user that Postgres runs as, because it refuses to run as root.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Uid, User};

use super::EmbeddedError;

/// The user to run Postgres as: the current one, or another one if that is root.
#[derive(Debug, Clone)]
pub(super) struct RunAs(Option<User>);

impl RunAs {
    /// If the current user is root: `postgres` if it exists, else `nobody`.
    pub(super) fn choose() -> Result<Self, EmbeddedError> {
        if !Uid::effective().is_root() {
            return Ok(Self(None));
        }
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self(Some(user)))
            .ok_or_else(|| {
                EmbeddedError::NotStarted(
                    "it does not run as root, and neither a user postgres nor nobody exists"
                        .to_owned(),
                )
            })
    }

    /// A command that runs as this user, in `/` and without our environment: `PGDATA` or `PGPORT` would affect it.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir("/")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C");
        if let Some(user) = &self.0 {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// Gives a file or folder to this user.
    pub(super) fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Some(user) = &self.0 else {
            return Ok(());
        };
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        chown(path, Some(uid), Some(gid)).map_err(EmbeddedError::io(format!(
            "give {} to {}",
            path.display(),
            user.name
        )))
    }

    /// Checks that this user can enter every folder above `path`.
    pub(super) fn check_way_to(&self, path: &Path) -> Result<(), EmbeddedError> {
        let Some(user) = &self.0 else {
            return Ok(());
        };
        for folder in path.ancestors().skip(1) {
            let meta = folder
                .metadata()
                .map_err(EmbeddedError::io(format!("look at {}", folder.display())))?;
            let needed = if meta.uid() == user.uid.as_raw() {
                0o100
            } else if meta.gid() == user.gid.as_raw() {
                0o010
            } else {
                0o001
            };
            if meta.mode() & needed == 0 {
                return Err(EmbeddedError::Unreachable {
                    folder: folder.to_owned(),
                    user: user.name.clone(),
                });
            }
        }
        Ok(())
    }
}
