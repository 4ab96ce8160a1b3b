//! The lock on a data folder: one stack at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, bail};

use crate::folder::DataFolder;

/// Held while the stack runs. The system releases it however the process ends.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held until it is dropped")] File);

impl Lock {
    /// Locks the folder.
    ///
    /// Without it, a second stack would take over the instances of the first, which it finds by the folder.
    ///
    /// # Errors
    /// Another process holds it; the error names that process.
    pub(crate) fn acquire(folder: &DataFolder) -> anyhow::Result<Self> {
        let path = folder.path().join("lock");
        let shown = path.display();
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(0o600).open(&path);
        let mut file = file.with_context(|| format!("cannot open {shown}"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).ok();
                bail!(
                    "the data folder {} is in use by another process: {}; stop it, or choose another folder with \
                     --data-dir",
                    folder.path().display(),
                    holder.trim()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {shown}"));
            }
        }
        let holder = format!("{} ({})\n", std::process::id(), command());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .with_context(|| format!("cannot write {shown}"))?;
        Ok(Self(file))
    }
}

/// The command line of this process, without its folder.
fn command() -> String {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let all: Vec<String> = std::iter::once(program).chain(arguments).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_and_names_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::create(Some(folder.path().to_owned())).unwrap();
        let held = Lock::acquire(&data).unwrap();
        let error = Lock::acquire(&data).unwrap_err().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(held);
        Lock::acquire(&data).unwrap();
    }
}
