//! The record of one instance: its port, its variables, its process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use agent_pool_core::{DeployStatus, EnvVars};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::file;
use crate::process::Process;

/// Maximum size of the file: more than the variables of any instance take.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The content of `service.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) port: u16,
    pub(crate) created_at: DateTime<Utc>,
    #[serde(serialize_with = "EnvVars::expose_all")]
    pub(crate) variables: EnvVars,
    pub(crate) deployment: Deployment,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Deployment {
    /// Created, and not started yet.
    Never,
    /// Written by an earlier version before a start: there may be a process or not.
    Starting,
    /// The program could not be started.
    Failed,
    /// Started, but ended before it could be inspected.
    Ended,
    /// Started as this process, which may have ended since.
    Started(Process),
}

impl Deployment {
    /// The deploy status; `alive` returns whether a process still runs.
    pub(crate) fn status(&self, alive: impl FnOnce(&Process) -> bool) -> Option<DeployStatus> {
        match self {
            Self::Never => None,
            Self::Starting => Some(DeployStatus::Deploying),
            Self::Failed => Some(DeployStatus::Failed),
            Self::Started(process) if alive(process) => Some(DeployStatus::Success),
            Self::Started(_) | Self::Ended => Some(DeployStatus::Crashed),
        }
    }

    /// Why it does not run. The exit status is unknown: an instance may outlive the process that started it, and only
    /// that process gets it.
    pub(crate) fn detail(&self, alive: impl FnOnce(&Process) -> bool) -> Option<String> {
        match self {
            Self::Failed => {
                Some("the program could not be started: see LOCAL_RUNTIME_COMMAND".to_owned())
            }
            Self::Started(process) if !alive(process) => {
                Some(format!("process {} has ended: see its logs", process.pid))
            }
            Self::Ended => Some("the program ended at once: see its logs".to_owned()),
            Self::Never | Self::Starting | Self::Started(_) => None,
        }
    }
}

impl Service {
    /// `None` if there is no such file.
    pub(crate) fn load(path: &Path) -> io::Result<Option<Self>> {
        let bytes = file::read(path, MAX_BYTES)?;
        Ok(bytes
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()?)
    }

    /// Replaces the file atomically, readable only by its owner: the variables are secrets.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("json.new");
        // Anything that an instance put there is removed, not written to.
        fs::remove_file(&beside).ok();
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        fs::rename(&beside, path)
    }
}
