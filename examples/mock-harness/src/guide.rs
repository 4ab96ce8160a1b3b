//! Where a stack runs, for those who are to use it: its user, and programs on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use agent_pool_core::Secret;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::home::Home;

/// A stack that runs on this machine.
#[derive(Debug, Clone)]
pub struct Running {
    /// Where pool-svc listens.
    pub pool: Url,
    /// Where services-svc listens.
    pub services: Url,
    /// The key of both.
    pub key: Secret,
    /// Where data and logs are.
    pub folder: PathBuf,
}

/// What the folder says of it; the key has a file of its own.
#[derive(Debug, Serialize, Deserialize)]
struct Addresses {
    pool: Url,
    services: Url,
}

impl Running {
    /// The stack of a folder, or of this user's own: `None` where none runs. One that was killed may
    /// still be told, and does not answer.
    #[must_use]
    pub fn find(folder: Option<PathBuf>) -> Option<Self> {
        let home = Home::known(folder).ok()?;
        let text = fs::read_to_string(home.addresses()).ok()?;
        let Addresses { pool, services } = serde_json::from_str(&text).ok()?;
        let key = home.known_api_key()?;
        let folder = home.path().to_owned();
        Some(Self {
            pool,
            services,
            key: Secret::new(key),
            folder,
        })
    }

    /// Has it found from now on.
    pub(crate) fn announce(&self, home: &Home) -> anyhow::Result<()> {
        let addresses = Addresses {
            pool: self.pool.clone(),
            services: self.services.clone(),
        };
        let path = home.addresses();
        fs::write(&path, serde_json::to_vec(&addresses)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Has the stack of a folder found no longer.
pub(crate) fn forget(home: &Home) {
    fs::remove_file(home.addresses()).ok();
}

/// How to use it with curl alone.
#[must_use]
pub fn curl_guide(running: &Running) -> String {
    let Running {
        pool,
        services,
        key,
        folder,
    } = running;
    let [pool, services] = [pool, services].map(|url| url.as_str().trim_end_matches('/'));
    format!(
        "
The pool is warm.

  Pool API      {pool}
  Services API  {services}
  key           {key}
  data, logs    {folder}

Claim an agent:

  curl -X POST {pool}/api/pool/claim \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{\"agentName\": \"Tulip\", \"instructions\": \"You help a small club plan its outings.\"}}'

Open the inviteUrl that it answers. Ctrl-C takes everything down.
",
        key = key.expose(),
        folder = Path::display(folder),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_found_by_its_folder_while_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack");
        assert!(Running::find(Some(path.clone())).is_none());
        assert!(!path.exists(), "to look is not to make");
        let home = Home::open(Some(path.clone())).unwrap();
        let running = Running {
            pool: "http://127.0.0.1:1/".parse().unwrap(),
            services: "http://127.0.0.1:2/".parse().unwrap(),
            key: Secret::new(home.api_key().unwrap()),
            folder: home.path().to_owned(),
        };
        running.announce(&home).unwrap();
        let found = Running::find(Some(path.clone())).unwrap();
        assert_eq!(
            (&found.pool, &found.services),
            (&running.pool, &running.services)
        );
        assert_eq!(found.key, running.key);
        forget(&home);
        assert!(Running::find(Some(path)).is_none());
    }
}
