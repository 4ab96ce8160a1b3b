//! The state of Railway, for tests: plain data, including variables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DeploymentStatus;
use super::state::State;

/// One project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayProject {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayEnvironment {
    /// Its ID.
    pub id: String,
    /// Its project.
    pub project_id: String,
    /// Its name.
    pub name: String,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayService {
    /// Its ID.
    pub id: String,
    /// Its project.
    pub project_id: String,
    /// Its name.
    pub name: String,
}

/// A service in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayInstance {
    /// Its service.
    pub service_id: String,
    /// Its environment.
    pub environment_id: String,
    /// The current image.
    pub image: Option<String>,
    /// The current variables, which may not be deployed yet.
    pub variables: BTreeMap<String, String>,
    /// Whether a container is running.
    pub running: bool,
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayVolume {
    /// Its ID.
    pub id: String,
    /// Its project.
    pub project_id: String,
    /// Its name.
    pub name: String,
    /// The services that it is attached to, one per environment.
    pub service_ids: Vec<String>,
    /// Where it is mounted in each of them.
    #[serde(default)]
    pub mount_paths: Vec<String>,
    /// Whether it is deleted but still listed.
    pub pending_deletion: bool,
}

/// One domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayDomain {
    /// Its ID.
    pub id: String,
    /// Its service.
    pub service_id: String,
    /// The URL.
    pub url: String,
}

/// One deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayDeployment {
    /// Its ID.
    pub id: String,
    /// Its service.
    pub service_id: String,
    /// Its environment.
    pub environment_id: String,
    /// Its status.
    pub status: DeploymentStatus,
    /// Its image.
    pub image: String,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
    /// Its limits: `cpu` and `memoryBytes`.
    #[serde(default)]
    pub limits: Value,
}

/// The current state of Railway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayState {
    /// Projects, oldest first.
    pub projects: Vec<RailwayProject>,
    /// Environments, oldest first.
    pub environments: Vec<RailwayEnvironment>,
    /// Services, oldest first.
    pub services: Vec<RailwayService>,
    /// Instances of services, oldest first.
    pub instances: Vec<RailwayInstance>,
    /// Volumes, oldest first, including pending deletions.
    pub volumes: Vec<RailwayVolume>,
    /// Domains, oldest first.
    pub domains: Vec<RailwayDomain>,
    /// Deployments, oldest first.
    pub deployments: Vec<RailwayDeployment>,
}

impl RailwayState {
    /// The volumes that are not being deleted.
    #[must_use]
    pub fn live_volumes(&self) -> usize {
        self.volumes
            .iter()
            .filter(|volume| !volume.pending_deletion)
            .count()
    }
}

impl State {
    pub(crate) fn snapshot(&self) -> RailwayState {
        RailwayState {
            projects: self
                .projects
                .iter()
                .map(|row| RailwayProject {
                    id: row.id.clone(),
                    name: row.name.clone(),
                })
                .collect(),
            environments: self
                .environments
                .iter()
                .map(|row| RailwayEnvironment {
                    id: row.id.clone(),
                    project_id: row.project_id.clone(),
                    name: row.name.clone(),
                })
                .collect(),
            services: self
                .services
                .iter()
                .map(|row| RailwayService {
                    id: row.id.clone(),
                    project_id: row.project_id.clone(),
                    name: row.name.clone(),
                })
                .collect(),
            instances: (0..self.instances.len())
                .map(|place| self.instance_snapshot(place))
                .collect(),
            volumes: self
                .volumes
                .iter()
                .map(|row| self.volume_snapshot(row))
                .collect(),
            domains: self
                .domains
                .iter()
                .map(|row| RailwayDomain {
                    id: row.id.clone(),
                    service_id: row.service_id.clone(),
                    url: row.text(),
                })
                .collect(),
            deployments: self
                .deployments
                .iter()
                .map(super::state::Deployment::snapshot)
                .collect(),
        }
    }

    fn instance_snapshot(&self, place: usize) -> RailwayInstance {
        let row = &self.instances[place];
        RailwayInstance {
            service_id: row.service_id.clone(),
            environment_id: row.environment_id.clone(),
            image: row.config["source"]["image"].as_str().map(str::to_owned),
            variables: self.variables_of(place),
            running: row.slot.occupied(),
        }
    }

    fn volume_snapshot(&self, row: &super::state::Volume) -> RailwayVolume {
        let own = self
            .volume_instances
            .iter()
            .filter(|instance| instance.volume_id == row.id);
        RailwayVolume {
            id: row.id.clone(),
            project_id: row.project_id.clone(),
            name: row.name.clone(),
            service_ids: own
                .clone()
                .filter_map(|instance| instance.service_id.clone())
                .collect(),
            mount_paths: own
                .filter(|instance| instance.service_id.is_some())
                .map(|instance| instance.mount_path.clone())
                .collect(),
            pending_deletion: row.deleted_at.is_some(),
        }
    }
}

impl super::state::Deployment {
    fn snapshot(&self) -> RailwayDeployment {
        RailwayDeployment {
            id: self.id.clone(),
            service_id: self.service_id.clone(),
            environment_id: self.environment_id.clone(),
            status: self.status,
            image: self.snapshot.image.clone(),
            variables: self.snapshot.variables.clone(),
            limits: self.snapshot.limits.clone(),
        }
    }
}
