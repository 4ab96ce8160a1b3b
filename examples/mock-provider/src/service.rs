//! The state of one instance at the vendor of the mock infra.

use agent_pool_core::{DeployStatus, EnvVars};

/// One instance's variables and deployments.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// The variables that are set.
    pub variables: EnvVars,
    /// Those of each deployment so far, oldest first.
    pub deployments: Vec<EnvVars>,
}

impl Service {
    /// Every deployment succeeds immediately.
    pub(crate) fn deploy(&mut self) {
        self.deployments.push(self.variables.clone());
    }

    pub(crate) fn status(&self) -> Option<DeployStatus> {
        let deployed = self.deployments.last();
        deployed.map(|_| DeployStatus::Success)
    }
}
