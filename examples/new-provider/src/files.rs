//! The files that are about to be written.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// New files of one crate, and files of the workspace with new texts.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    new: Vec<(PathBuf, String)>,
    changed: Vec<(PathBuf, String)>,
}

impl Files {
    /// For a new folder.
    ///
    /// # Errors
    /// The folder exists.
    pub(crate) fn into_new(folder: &Path) -> anyhow::Result<Self> {
        if folder.exists() {
            bail!(
                "{} already exists: choose another name, or remove it first",
                folder.display()
            );
        }
        Ok(Files::new(folder))
    }

    /// For a new or an empty folder.
    ///
    /// # Errors
    /// The folder is not empty.
    pub(crate) fn into_empty(folder: &Path) -> anyhow::Result<Self> {
        let empty = || Ok::<_, std::io::Error>(fs::read_dir(folder)?.next().is_none());
        if folder.exists() && !empty().with_context(|| format!("{}", folder.display()))? {
            bail!("{} is not empty: name another folder", folder.display());
        }
        Ok(Files::new(folder))
    }

    fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            new: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// The crate's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The crate's files and their texts.
    pub(crate) fn new_ones(&self) -> &[(PathBuf, String)] {
        &self.new
    }

    /// The workspace's files that change.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &Path> {
        self.changed.iter().map(|(path, _)| path.as_path())
    }

    /// One more file of the workspace with its new text.
    pub(crate) fn change(&mut self, path: PathBuf, text: String) {
        self.changed.push((path, text));
    }

    /// Writes everything: first the crate, then the files that name it.
    ///
    /// # Errors
    /// A file that cannot be written, by its path.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        for (path, text) in self.new.iter().chain(&self.changed) {
            let folder = path.parent().unwrap_or(&self.folder);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(path, text))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

impl<'a> Extend<(&'a str, String)> for Files {
    fn extend<I: IntoIterator<Item = (&'a str, String)>>(&mut self, files: I) {
        let folder = self.folder.clone();
        let files = files
            .into_iter()
            .map(|(path, text)| (folder.join(path), text));
        self.new.extend(files);
    }
}
