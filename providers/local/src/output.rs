//! What instances print: kept in a file each, the newest of it.
//!
//! An instance writes to its file itself, so that it goes on while services-svc is restarted. The
//! file is cut when it is looked after, at every listing: between two of them it may grow beyond.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use agent_pool_core::LogLine;

use crate::folder::Folder;

/// The size at which the file is cut.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// What is kept of it then.
const KEPT_BYTES: u64 = 1024 * 1024;

/// Cuts the output where it has grown too long. The instance appends, so that it goes on at the new
/// end.
pub(crate) fn trim(folder: &Folder) -> io::Result<()> {
    let Some(mut file) = open(&folder.output())? else {
        return Ok(());
    };
    if file.metadata()?.len() <= MAX_BYTES {
        return Ok(());
    }
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut kept = options.open(folder.old_output())?;
    file.seek(SeekFrom::End(
        -i64::try_from(KEPT_BYTES).map_err(io::Error::other)?,
    ))?;
    io::copy(&mut file, &mut kept)?;
    File::options()
        .write(true)
        .open(folder.output())?
        .set_len(0)
}

/// The last `count` lines, oldest first.
pub(crate) fn tail(folder: &Folder, count: usize) -> io::Result<Vec<LogLine>> {
    let mut bytes = Vec::new();
    for path in [folder.old_output(), folder.output()] {
        if let Some(mut file) = open(&path)? {
            file.read_to_end(&mut bytes)?;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<_> = text.lines().rev().take(count).map(line).collect();
    lines.reverse();
    Ok(lines)
}

fn line(text: &str) -> LogLine {
    let text = text.to_owned();
    LogLine { at: None, text }
}

fn open(path: &std::path::Path) -> io::Result<Option<File>> {
    match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn folder(root: &std::path::Path) -> Folder {
        let folder = Folder::new(root, "ap-test", &"abcdefghijkl".parse().unwrap());
        folder.make().unwrap();
        folder
    }

    #[test]
    fn an_output_that_grew_too_long_keeps_its_end_and_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let mut options = File::options();
        let mut instance = options
            .append(true)
            .create(true)
            .open(folder.output())
            .unwrap();
        let line = "0123456789abcde\n".repeat(64);
        for _ in 0..=MAX_BYTES / 1024 {
            instance.write_all(line.as_bytes()).unwrap();
        }
        instance.write_all(b"before\n").unwrap();
        trim(&folder).unwrap();
        instance.write_all(b"after\n").unwrap();

        let texts: Vec<_> = tail(&folder, 3)
            .unwrap()
            .into_iter()
            .map(|line| line.text)
            .collect();
        assert_eq!(texts, ["0123456789abcde", "before", "after"]);
        let size = |path| fs::metadata(path).unwrap().len();
        assert!(size(folder.output()) + size(folder.old_output()) <= KEPT_BYTES + 16);
    }

    #[test]
    fn no_output_is_no_lines() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(tail(&folder(root.path()), 10).unwrap(), []);
    }
}
