//! Access to files that an instance may have replaced: it runs as the same user, so no path is trusted to be a
//! regular file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// Opens a regular file for reading; `None` if nothing has that name.
///
/// A FIFO would block the caller, a device may never end, and a link may lead to a file of ours: all of them are
/// errors.
pub(crate) fn open(path: &Path) -> io::Result<Option<File>> {
    regular(OpenOptions::new().read(true), path)
}

/// Opens a regular file as `options` say, which must not truncate.
pub(crate) fn regular(options: &mut OpenOptions, path: &Path) -> io::Result<Option<File>> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    match options.custom_flags(flags.bits()).open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
        Ok(_) => Err(io::Error::other(format!(
            "{} is not a regular file",
            path.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The content of a regular file, if it has at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open(path)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("{} is too long", path.display())));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn only_a_regular_file_of_bounded_length_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        nix::unistd::mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path("link")).unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        std::fs::write(path("file"), "12345").unwrap();
        for name in ["fifo", "link", "folder"] {
            assert!(read(&path(name), 9).is_err(), "{name}");
        }
        assert!(read(Path::new("/dev/zero"), 9).is_err());
        assert_eq!(read(&path("nothing"), 9).unwrap(), None);
        assert_eq!(read(&path("file"), 5).unwrap().unwrap(), b"12345");
        assert!(read(&path("file"), 4).is_err());
    }
}
