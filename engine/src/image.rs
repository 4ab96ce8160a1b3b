//! Builds images without a registry.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use bollard::body_full;
use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions};
use futures_util::TryStreamExt as _;
use tempfile::TempDir;

use crate::find::Engine;

/// The user and group that own all files in an image, and that it runs as.
pub const USER: (u32, u32) = (1000, 1000);
/// The path of the program in its image.
const PROGRAM: &str = "/agent";
/// Certificate authorities for TLS. A program cannot call a language model without them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The content of an image, and its command.
#[derive(Debug)]
pub struct Image {
    root: TempDir,
    /// The command, as in a Containerfile. Both engines accept only one such line in the same form.
    command: String,
}

impl Image {
    /// An image with an empty `/tmp` and `/data`, and this command.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn new(command: &[&str]) -> anyhow::Result<Self> {
        let root = tempfile::Builder::new().prefix("ap-image-").tempdir()?;
        // The image may run as any user, but a temporary folder is accessible only to its creator.
        fs::set_permissions(root.path(), Permissions::from_mode(0o755))?;
        for (folder, mode) in [("tmp", 0o1777), ("data", 0o755)] {
            let folder = root.path().join(folder);
            fs::create_dir(&folder)?;
            fs::set_permissions(&folder, Permissions::from_mode(mode))?;
        }
        Ok(Self {
            root,
            command: format!("CMD {}", serde_json::to_string(command)?),
        })
    }

    /// A program with the libraries that it needs, without its debug information if `strip` is installed.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub fn from_program(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let command: Vec<&str> = std::iter::once(PROGRAM)
            .chain(arguments.iter().copied())
            .collect();
        let image = Self::new(&command)?;
        let copy = image.add(program, Path::new(PROGRAM))?;
        // Most of a debug build is debug information.
        let _ = Command::new("strip")
            .arg("--strip-debug")
            .arg(&copy)
            .output();
        for library in libraries(program)? {
            image.add(&library, &library)?;
        }
        if Path::new(AUTHORITIES).exists() {
            image.add(Path::new(AUTHORITIES), Path::new(AUTHORITIES))?;
        }
        Ok(image)
    }

    /// Copies a file of this machine to a path in the image, and returns the path of the copy.
    ///
    /// # Errors
    /// It cannot be copied.
    pub fn add(&self, file: &Path, at: &Path) -> anyhow::Result<PathBuf> {
        let copy = self.root.path().join(at.strip_prefix("/").unwrap_or(at));
        let folder = copy.parent().context("a path of a file has a folder")?;
        fs::create_dir_all(folder)?;
        fs::copy(file, &copy).with_context(|| format!("cannot copy {}", file.display()))?;
        Ok(copy)
    }

    /// The root, to put further files there.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    fn to_tar(&self) -> anyhow::Result<Vec<u8>> {
        // A volume that is mounted over a folder gets the folder's owner.
        let (user, group) = USER;
        let owner = [format!("--owner={user}"), format!("--group={group}")];
        let packed = Command::new("tar")
            .args(owner)
            .arg("--numeric-owner")
            .arg("-C")
            .arg(self.root.path())
            .args(["-cf", "-", "."])
            .output()
            .context("cannot run tar")?;
        let message = String::from_utf8_lossy(&packed.stderr);
        ensure!(packed.status.success(), "tar fails: {}", message.trim());
        Ok(packed.stdout)
    }
}

impl Engine {
    /// Imports an image into the engine under a name such as `localhost/agent:1`.
    ///
    /// # Errors
    /// The engine refuses it.
    pub async fn import(&self, image: &Image, name: &str) -> anyhow::Result<()> {
        let options = CreateImageOptionsBuilder::new()
            .from_src("-")
            // Includes the tag, because Podman ignores a separate one.
            .repo(name)
            .changes(vec![image.command.clone()])
            .build();
        let body = body_full(image.to_tar()?.into());
        let progress = self.client.create_image(Some(options), Some(body), None);
        let done = progress.try_for_each(|_| async { Ok(()) }).await;
        done.with_context(|| {
            format!(
                "the container engine at {} refuses the image {name}",
                self.host()
            )
        })
    }
}

impl Engine {
    /// Removes an image, if it exists and is unused.
    pub async fn remove_image(&self, name: &str) {
        let _ = self
            .client
            .remove_image(name, None::<RemoveImageOptions>, None)
            .await;
    }
}

/// The libraries of a program, and the loader, by their paths on this machine.
fn libraries(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output();
    let output = output.context("cannot run ldd, which tells the libraries of the image")?;
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(lines.lines().filter_map(library).collect())
}

/// `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f…)`, or the loader's path alone.
fn library(line: &str) -> Option<PathBuf> {
    let path = line.split_whitespace().find(|word| word.starts_with('/'))?;
    Some(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_read_from_what_ldd_prints() {
        for (line, path) in [
            (
                "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0)",
                Some("/lib/x86_64-linux-gnu/libc.so.6"),
            ),
            (
                "\t/lib64/ld-linux-x86-64.so.2 (0x00007f1)",
                Some("/lib64/ld-linux-x86-64.so.2"),
            ),
            ("\tlinux-vdso.so.1 (0x00007ff)", None),
            ("\tstatically linked", None),
        ] {
            assert_eq!(library(line), path.map(PathBuf::from), "{line}");
        }
    }
}
