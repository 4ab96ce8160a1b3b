//! The parts of the vendor's JSON that are used.

use std::collections::BTreeMap;

use agent_pool_core::DeployStatus;
use agent_pool_core::prelude::*;

#[derive(Debug, Serialize)]
pub(crate) struct NewMachine<'a> {
    pub(crate) name: &'a str,
    pub(crate) image: &'a str,
    pub(crate) port: u16,
}

// Yours: what the vendor answers, by its own names
#[derive(Debug, Deserialize)]
pub(crate) struct Machines {
    pub(crate) machines: Vec<ListItem<Machine>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) url: Url,
    pub(crate) image: Option<String>,
    pub(crate) created_at: Option<String>,
    pub(crate) exit_code: Option<i32>,
}

impl Machine {
    /// `None` before the first start.
    pub(crate) fn status(&self) -> Option<DeployStatus> {
        match self.state.as_str() {
            "created" => None,
            "starting" => Some(DeployStatus::Deploying),
            "running" => Some(DeployStatus::Success),
            "stopped" => Some(DeployStatus::Crashed),
            other => Some(DeployStatus::Other(other.to_owned())),
        }
    }

    /// Yours: why it ended, in words for people; here an exit code.
    pub(crate) fn detail(&self) -> Option<String> {
        Some(format!("it exited with {}", self.exit_code?))
    }
}

/// A change of a machine: `env` is merged into its variables.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Changes<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) env: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<&'a str>,
}

/// The output of a machine's program, oldest line first.
#[derive(Debug, Deserialize)]
pub(crate) struct Lines {
    pub(crate) lines: Vec<String>,
}
