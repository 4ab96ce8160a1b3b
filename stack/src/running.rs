//! The addresses of a running stack, for its user and for programs on this machine.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use agent_pool_core::Secret;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::folder::DataFolder;

/// A running stack.
#[derive(Debug, Clone)]
pub struct Running {
    /// URL of pool-svc.
    pub pool: Url,
    /// URL of services-svc.
    pub services: Url,
    /// The key of both.
    pub key: Secret,
    /// The folder of the data and logs.
    pub folder: PathBuf,
}

/// The content of the file in the data folder. The key has its own file.
#[derive(Debug, Serialize, Deserialize)]
struct Addresses {
    pool: Url,
    services: Url,
}

impl Running {
    /// The stack of a data folder, or of this user's default one; `None` if none runs.
    ///
    /// A killed stack may still be returned, but does not answer.
    #[must_use]
    pub fn find(folder: Option<PathBuf>) -> Option<Self> {
        let data = DataFolder::find(folder).ok()?;
        let text = fs::read_to_string(data.addresses()).ok()?;
        let Addresses { pool, services } = serde_json::from_str(&text).ok()?;
        let key = data.existing_api_key()?;
        let folder = data.path().to_owned();
        Some(Self {
            pool,
            services,
            key: Secret::new(key),
            folder,
        })
    }

    /// Makes [`Running::find`] return this stack.
    pub(crate) fn publish(&self, data: &DataFolder) -> anyhow::Result<()> {
        let addresses = Addresses {
            pool: self.pool.clone(),
            services: self.services.clone(),
        };
        let text = serde_json::to_vec(&addresses)?;
        let path = data.addresses();
        // Others look for the file at any time: it appears with all its content.
        let new = path.with_extension("new");
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600);
        file.open(&new)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&new, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Makes [`Running::find`] return nothing for this folder.
    pub(crate) fn withdraw(data: &DataFolder) {
        fs::remove_file(data.addresses()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_found_by_its_folder_while_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack");
        assert!(Running::find(Some(path.clone())).is_none());
        assert!(!path.exists(), "finding must not create the folder");
        let data = DataFolder::create(Some(path.clone())).unwrap();
        let running = Running {
            pool: "http://127.0.0.1:1/".parse().unwrap(),
            services: "http://127.0.0.1:2/".parse().unwrap(),
            key: Secret::new(data.api_key().unwrap()),
            folder: data.path().to_owned(),
        };
        running.publish(&data).unwrap();
        let found = Running::find(Some(path.clone())).unwrap();
        assert_eq!(
            (&found.pool, &found.services),
            (&running.pool, &running.services)
        );
        assert_eq!(found.key, running.key);
        Running::withdraw(&data);
        assert!(Running::find(Some(path)).is_none());
    }
}
