//! The inputs of mutations.

use async_graphql::{InputObject, MaybeUndefined};

use super::scalar::EnvironmentVariables;
use crate::railway::DeploymentStatus;

#[derive(InputObject)]
pub(crate) struct ProjectCreateInput {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) default_environment_name: Option<String>,
    pub(crate) workspace_id: Option<String>,
}

#[derive(InputObject)]
pub(crate) struct EnvironmentCreateInput {
    pub(crate) project_id: String,
    pub(crate) name: String,
    pub(crate) source_environment_id: Option<String>,
    pub(crate) ephemeral: Option<bool>,
    pub(crate) skip_initial_deploys: Option<bool>,
}

#[derive(InputObject)]
pub(crate) struct ServiceSourceInput {
    pub(crate) image: Option<String>,
    pub(crate) repo: Option<String>,
}

#[derive(InputObject)]
pub(crate) struct RegistryCredentialsInput {
    pub(crate) username: String,
    pub(crate) password: String,
}

#[derive(InputObject)]
pub(crate) struct ServiceCreateInput {
    pub(crate) project_id: String,
    pub(crate) environment_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) icon: Option<String>,
    pub(crate) source: Option<ServiceSourceInput>,
    pub(crate) registry_credentials: Option<RegistryCredentialsInput>,
    pub(crate) variables: Option<EnvironmentVariables>,
}

#[derive(InputObject)]
pub(crate) struct ServiceUpdateInput {
    pub(crate) name: Option<String>,
    pub(crate) icon: Option<String>,
}

#[derive(InputObject)]
pub(crate) struct ServiceInstanceUpdateInput {
    pub(crate) source: Option<ServiceSourceInput>,
    pub(crate) registry_credentials: Option<RegistryCredentialsInput>,
    pub(crate) start_command: Option<String>,
    pub(crate) pre_deploy_command: Option<Vec<String>>,
    pub(crate) healthcheck_path: Option<String>,
    pub(crate) healthcheck_timeout: Option<i32>,
    pub(crate) num_replicas: Option<i32>,
    pub(crate) region: Option<String>,
    pub(crate) restart_policy_max_retries: Option<i32>,
    pub(crate) sleep_application: Option<bool>,
}

#[derive(InputObject)]
pub(crate) struct ServiceInstanceLimitsUpdateInput {
    pub(crate) service_id: String,
    pub(crate) environment_id: String,
    #[graphql(name = "memoryGB")]
    pub(crate) memory_gb: Option<f64>,
    #[graphql(name = "vCPUs")]
    pub(crate) v_cpus: Option<f64>,
}

#[derive(InputObject)]
pub(crate) struct ServiceDomainCreateInput {
    pub(crate) service_id: String,
    pub(crate) environment_id: String,
    pub(crate) target_port: Option<i32>,
}

#[derive(InputObject)]
pub(crate) struct VariableCollectionUpsertInput {
    pub(crate) project_id: String,
    pub(crate) environment_id: String,
    pub(crate) service_id: Option<String>,
    pub(crate) variables: EnvironmentVariables,
    #[graphql(default_with = "Some(false)")]
    pub(crate) replace: Option<bool>,
    #[graphql(default_with = "Some(false)")]
    pub(crate) skip_deploys: Option<bool>,
}

#[derive(InputObject)]
pub(crate) struct VariableDeleteInput {
    pub(crate) project_id: String,
    pub(crate) environment_id: String,
    pub(crate) service_id: Option<String>,
    pub(crate) name: String,
}

#[derive(InputObject)]
pub(crate) struct VolumeCreateInput {
    pub(crate) project_id: String,
    pub(crate) service_id: Option<String>,
    pub(crate) environment_id: MaybeUndefined<String>,
    pub(crate) mount_path: String,
    pub(crate) region: Option<String>,
}

#[derive(InputObject)]
pub(crate) struct VolumeUpdateInput {
    pub(crate) name: Option<String>,
}

#[derive(InputObject)]
pub(crate) struct DeploymentStatusInput {
    #[graphql(name = "in")]
    pub(crate) among: Option<Vec<DeploymentStatus>>,
    pub(crate) not_in: Option<Vec<DeploymentStatus>>,
}

#[derive(InputObject)]
pub(crate) struct DeploymentListInput {
    pub(crate) project_id: Option<String>,
    pub(crate) environment_id: Option<String>,
    pub(crate) service_id: Option<String>,
    pub(crate) include_deleted: Option<bool>,
    pub(crate) status: Option<DeploymentStatusInput>,
}
