//! The plain objects: services, instances, deployments, domains, volumes.

use async_graphql::{Enum, ID, SimpleObject};
use serde_json::json;

use super::scalar::{DateTime, DeploymentMeta};
use crate::railway::DeploymentStatus;
use crate::railway::state::{self, State};

#[derive(Debug, SimpleObject)]
pub(crate) struct Service {
    id: ID,
    name: String,
    project_id: String,
    created_at: DateTime,
    updated_at: DateTime,
    deleted_at: Option<DateTime>,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct Deployment {
    id: ID,
    status: DeploymentStatus,
    status_updated_at: Option<DateTime>,
    created_at: DateTime,
    updated_at: DateTime,
    deployment_stopped: bool,
    can_redeploy: bool,
    url: Option<String>,
    static_url: Option<String>,
    meta: Option<DeploymentMeta>,
    project_id: String,
    environment_id: String,
    service_id: Option<String>,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct ServiceSource {
    image: Option<String>,
    repo: Option<String>,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct ServiceDomain {
    id: ID,
    domain: String,
    target_port: Option<i32>,
    service_id: String,
    environment_id: String,
}

/// There is no mutation to create one; the list is always empty.
#[derive(Debug, SimpleObject)]
pub(crate) struct CustomDomain {
    id: ID,
    domain: String,
    target_port: Option<i32>,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct AllDomains {
    service_domains: Vec<ServiceDomain>,
    custom_domains: Vec<CustomDomain>,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct ServiceInstance {
    id: ID,
    service_id: String,
    service_name: String,
    environment_id: String,
    created_at: DateTime,
    updated_at: DateTime,
    deleted_at: Option<DateTime>,
    source: Option<ServiceSource>,
    start_command: Option<String>,
    region: Option<String>,
    num_replicas: Option<i32>,
    latest_deployment: Option<Deployment>,
    active_deployments: Vec<Deployment>,
    domains: AllDomains,
}

/// The vendor's states of a volume that occur here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum VolumeState {
    Deleting,
    Ready,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct Volume {
    id: ID,
    name: String,
    project_id: String,
    created_at: DateTime,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct VolumeInstance {
    id: ID,
    volume_id: String,
    service_id: Option<String>,
    environment_id: String,
    mount_path: String,
    state: Option<VolumeState>,
    is_pending_deletion: bool,
    created_at: DateTime,
    deleted_at: Option<DateTime>,
    #[graphql(name = "sizeMB")]
    size_mb: i32,
    #[graphql(name = "currentSizeMB")]
    current_size_mb: f64,
    volume: Volume,
}

impl From<&state::Service> for Service {
    fn from(row: &state::Service) -> Self {
        Self {
            id: ID(row.id.clone()),
            name: row.name.clone(),
            project_id: row.project_id.clone(),
            created_at: DateTime(row.created_at.clone()),
            updated_at: DateTime(row.created_at.clone()),
            deleted_at: None,
        }
    }
}

impl From<&state::Volume> for Volume {
    fn from(row: &state::Volume) -> Self {
        Self {
            id: ID(row.id.clone()),
            name: row.name.clone(),
            project_id: row.project_id.clone(),
            created_at: DateTime(row.created_at.clone()),
        }
    }
}

impl From<&state::Domain> for ServiceDomain {
    fn from(row: &state::Domain) -> Self {
        Self {
            id: ID(row.id.clone()),
            domain: row.text(),
            target_port: row.target_port,
            service_id: row.service_id.clone(),
            environment_id: row.environment_id.clone(),
        }
    }
}

impl Deployment {
    pub(crate) fn from_row(state: &State, row: &state::Deployment) -> Self {
        let url = state.url_of(&row.service_id, &row.environment_id);
        Self {
            id: ID(row.id.clone()),
            status: row.status,
            status_updated_at: Some(DateTime(row.changed_at.clone())),
            created_at: DateTime(row.created_at.clone()),
            updated_at: DateTime(row.changed_at.clone()),
            deployment_stopped: row.stopped,
            can_redeploy: !row.status.in_flight(),
            static_url: url.clone(),
            url,
            meta: Some(DeploymentMeta(json!({"image": row.snapshot.image}))),
            project_id: row.project_id.clone(),
            environment_id: row.environment_id.clone(),
            service_id: Some(row.service_id.clone()),
        }
    }
}

impl AllDomains {
    pub(crate) fn find(state: &State, service_id: &str, environment_id: &str) -> Self {
        let own = state.domains.iter().filter(|domain| {
            domain.service_id == service_id && domain.environment_id == environment_id
        });
        Self {
            service_domains: own.map(ServiceDomain::from).collect(),
            custom_domains: Vec::new(),
        }
    }
}

impl ServiceInstance {
    pub(crate) fn from_row(state: &State, row: &state::Instance) -> Self {
        let service = state
            .services
            .iter()
            .find(|service| service.id == row.service_id);
        let latest = state.latest(&row.service_id, &row.environment_id);
        let active = state.deployments.iter().filter(|deployment| {
            deployment.service_id == row.service_id
                && deployment.environment_id == row.environment_id
                && deployment.status == DeploymentStatus::Success
        });
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let image = text(&row.config["source"]["image"]);
        Self {
            id: ID(row.id.clone()),
            service_id: row.service_id.clone(),
            service_name: service
                .map(|service| service.name.clone())
                .unwrap_or_default(),
            environment_id: row.environment_id.clone(),
            created_at: DateTime(row.created_at.clone()),
            updated_at: DateTime(row.created_at.clone()),
            deleted_at: None,
            source: image.map(|image| ServiceSource {
                image: Some(image),
                repo: None,
            }),
            start_command: text(&row.config["deploy"]["startCommand"]),
            region: text(&row.config["deploy"]["region"]),
            num_replicas: None,
            latest_deployment: latest.map(|deployment| Deployment::from_row(state, deployment)),
            active_deployments: active
                .map(|deployment| Deployment::from_row(state, deployment))
                .collect(),
            domains: AllDomains::find(state, &row.service_id, &row.environment_id),
        }
    }
}

impl VolumeInstance {
    /// `None` if its volume does not exist.
    pub(crate) fn from_row(state: &State, row: &state::VolumeInstance) -> Option<Self> {
        let volume = state
            .volumes
            .iter()
            .find(|volume| volume.id == row.volume_id)?;
        let deleted_at = volume.deleted_at.clone();
        let pending = deleted_at.is_some();
        Some(Self {
            id: ID(row.id.clone()),
            volume_id: row.volume_id.clone(),
            service_id: row.service_id.clone(),
            environment_id: row.environment_id.clone(),
            mount_path: row.mount_path.clone(),
            state: Some(if pending {
                VolumeState::Deleting
            } else {
                VolumeState::Ready
            }),
            is_pending_deletion: pending,
            created_at: DateTime(volume.created_at.clone()),
            deleted_at: deleted_at.map(DateTime),
            size_mb: 5000,
            current_size_mb: 0.0,
            volume: Volume::from(volume),
        })
    }
}
