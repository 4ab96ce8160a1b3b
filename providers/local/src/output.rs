//! The output of instances: one file each, of which the end is kept.
//!
//! An instance writes to its file itself, so that it continues while services-svc restarts. The file is cut at every
//! listing and before every deployment; between two of them it may grow beyond the limit.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use agent_pool_core::LogLine;

use crate::file;
use crate::folder::Folder;

/// The size at which the file is cut.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// The size that is kept then, and the maximum that is read.
const KEPT_BYTES: u64 = 1024 * 1024;

/// Cuts the output if it has grown too long. The instance appends, so it continues at the new end.
pub(crate) fn trim(folder: &Folder) -> io::Result<()> {
    let Some(mut file) =
        file::regular(OpenOptions::new().read(true).write(true), &folder.output())?
    else {
        return Ok(());
    };
    if file.metadata()?.len() <= MAX_BYTES {
        return Ok(());
    }
    let kept = end(&mut file, KEPT_BYTES)?;
    // Written next to it and then renamed, so that anything an instance put there is replaced and not written to.
    let beside = folder.old_output().with_extension("new");
    std::fs::remove_file(&beside).ok();
    let mut options = OpenOptions::new();
    let mut new = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    new.write_all(&kept)?;
    std::fs::rename(&beside, folder.old_output())?;
    file.set_len(0)
}

/// The last `count` lines, oldest first, of at most the last [`KEPT_BYTES`].
pub(crate) fn tail(folder: &Folder, count: usize) -> io::Result<Vec<LogLine>> {
    let mut bytes = last_bytes(&folder.output(), KEPT_BYTES)?;
    let rest = KEPT_BYTES - bytes.len() as u64;
    let mut text = last_bytes(&folder.old_output(), rest)?;
    text.append(&mut bytes);
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<_> = text.lines().rev().take(count).map(line).collect();
    lines.reverse();
    Ok(lines)
}

fn line(text: &str) -> LogLine {
    let text = text.to_owned();
    LogLine { at: None, text }
}

fn last_bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    match file::open(path)? {
        Some(mut file) => end(&mut file, limit),
        None => Ok(Vec::new()),
    }
}

/// The last `limit` bytes of a file, which may be growing.
fn end(file: &mut (impl Read + Seek), limit: u64) -> io::Result<Vec<u8>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use nix::sys::stat::Mode;

    use super::*;

    fn folder(root: &Path) -> Folder {
        let folder = Folder::new(root, "ap-test", &"abcdefghijkl".parse().unwrap());
        folder.make().unwrap();
        folder
    }

    fn texts(folder: &Folder, count: usize) -> Vec<String> {
        let lines = tail(folder, count).unwrap().into_iter();
        lines.map(|line| line.text).collect()
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
        assert_eq!(texts(&folder, 3), ["0123456789abcde", "before", "after"]);
        let size = |path| fs::metadata(path).unwrap().len();
        assert!(size(folder.output()) + size(folder.old_output()) <= KEPT_BYTES + 16);
    }

    #[test]
    fn of_a_huge_output_only_the_end_is_read() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let mut file = File::create(folder.output()).unwrap();
        // A sparse file takes no disk space, but would take this much memory.
        file.set_len(1 << 40).unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        file.write_all(b"\nlast\n").unwrap();
        assert_eq!(texts(&folder, 1), ["last"]);
        trim(&folder).unwrap();
        assert_eq!(texts(&folder, 1), ["last"]);
    }

    #[test]
    fn what_an_instance_put_in_place_of_its_output_is_not_read_or_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        nix::unistd::mkfifo(&folder.output(), Mode::S_IRWXU).unwrap();
        assert!(tail(&folder, 10).is_err());
        assert!(trim(&folder).is_err());
    }

    #[test]
    fn no_output_is_no_lines() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(texts(&folder(root.path()), 10), [""; 0]);
    }
}
