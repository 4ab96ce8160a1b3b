//! The vendor's JSON, as much of it as is used.

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

/// Variables to merge into those that the machine has.
#[derive(Debug, Serialize)]
pub(crate) struct Variables<'a> {
    pub(crate) env: BTreeMap<&'a str, &'a str>,
}
