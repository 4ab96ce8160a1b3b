//! The workspace in which a provider is generated.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use toml_edit::DocumentMut;

/// A checkout of agent-pool.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    manifest: DocumentMut,
}

impl Workspace {
    /// The checkout that contains `folder`.
    ///
    /// # Errors
    /// There is none, or its manifest cannot be read.
    pub(crate) fn around(folder: &Path) -> anyhow::Result<Self> {
        for root in folder.ancestors() {
            let path = root.join("Cargo.toml");
            if !path.is_file() {
                continue;
            }
            let manifest = document(&path)?;
            let versions = manifest
                .get("workspace")
                .and_then(|all| all.get("dependencies"));
            if versions.is_some_and(|all| all.get("agent-pool-core").is_some()) {
                let root = root.to_owned();
                return Ok(Self { root, manifest });
            }
        }
        bail!(
            "{} is not in a workspace of agent-pool: run it in a checkout, and name another folder for the crate with \
             --standalone",
            folder.display()
        )
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The root's `Cargo.toml`.
    pub(crate) const fn manifest(&self) -> &DocumentMut {
        &self.manifest
    }
}

/// A TOML file, which keeps its comments and order when it is written again.
///
/// # Errors
/// It cannot be read, or is not TOML.
pub(crate) fn document(path: &Path) -> anyhow::Result<DocumentMut> {
    let text = text(path)?;
    text.parse()
        .with_context(|| format!("{} is not TOML", path.display()))
}

/// The text of a file.
///
/// # Errors
/// It cannot be read.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
