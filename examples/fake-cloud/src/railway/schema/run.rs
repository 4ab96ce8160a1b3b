//! Mutations that configure and run existing resources.

use async_graphql::{Context, Object, Result};
use serde_json::{Value, json};

use super::input::{
    ServiceInstanceLimitsUpdateInput, ServiceInstanceUpdateInput, VariableCollectionUpsertInput,
    VariableDeleteInput,
};
use super::node::Deployment;
use super::open::open;
use super::scalar::EnvironmentConfig;
use crate::railway::DeploymentStatus;
use crate::railway::message::{IN_FLIGHT, Refusal};
use crate::railway::settings::{Deploys, Others};

#[derive(Debug, Default)]
pub(crate) struct Run;

/// The members of `deploy` in an update.
fn deploy_block(input: &ServiceInstanceUpdateInput) -> Value {
    let mut block = json!({
        "startCommand": input.start_command, "preDeployCommand": input.pre_deploy_command,
        "healthcheckPath": input.healthcheck_path, "healthcheckTimeout": input.healthcheck_timeout,
        "numReplicas": input.num_replicas, "region": input.region,
        "restartPolicyMaxRetries": input.restart_policy_max_retries,
        "sleepApplication": input.sleep_application,
    });
    if let Some(members) = block.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    block
}

#[Object]
impl Run {
    async fn environment_patch_commit(
        &self,
        ctx: &Context<'_>,
        environment_id: String,
        patch: Option<EnvironmentConfig>,
        #[graphql(name = "commitMessage")] _commit_message: Option<String>,
    ) -> Result<String> {
        let (mut state, caller) = open(ctx)?;
        let patch = patch.map_or(Value::Null, |patch| patch.0);
        Ok(state.commit_patch(caller, &environment_id, &patch)?)
    }

    async fn service_instance_update(
        &self,
        ctx: &Context<'_>,
        service_id: String,
        environment_id: Option<String>,
        input: ServiceInstanceUpdateInput,
    ) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        let deploy = deploy_block(&input);
        let image = input.source.and_then(|source| source.image);
        state.update_instance(
            caller,
            &service_id,
            environment_id.as_deref(),
            image,
            &deploy,
        )?;
        Ok(true)
    }

    async fn service_instance_limits_update(
        &self,
        ctx: &Context<'_>,
        input: ServiceInstanceLimitsUpdateInput,
    ) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        let limits = json!({"memoryGB": input.memory_gb, "cpu": input.v_cpus});
        state.limit_instance(caller, &input.service_id, &input.environment_id, &limits)?;
        Ok(true)
    }

    async fn variable_collection_upsert(
        &self,
        ctx: &Context<'_>,
        input: VariableCollectionUpsertInput,
    ) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.project(caller, &input.project_id)?;
        let service = input
            .service_id
            .ok_or_else(|| Refusal::new("Expected serviceId"))?;
        let others = if input.replace == Some(true) {
            Others::Go
        } else {
            Others::Stay
        };
        let deploys = if input.skip_deploys == Some(true) {
            Deploys::Skip
        } else {
            Deploys::Yes
        };
        let place = (service.as_str(), input.environment_id.as_str());
        state.set_variables(caller, place, &input.variables.0, others, deploys)?;
        Ok(true)
    }

    async fn variable_delete(&self, ctx: &Context<'_>, input: VariableDeleteInput) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.project(caller, &input.project_id)?;
        let service = input
            .service_id
            .ok_or_else(|| Refusal::new("Expected serviceId"))?;
        state.delete_variable(caller, &service, &input.environment_id, &input.name)?;
        Ok(true)
    }

    #[graphql(name = "serviceInstanceDeployV2")]
    async fn service_instance_deploy_v2(
        &self,
        ctx: &Context<'_>,
        service_id: String,
        environment_id: String,
    ) -> Result<String> {
        let (mut state, caller) = open(ctx)?;
        state.instance(caller, &service_id, &environment_id)?;
        Ok(state.deploy(&service_id, &environment_id)?)
    }

    async fn service_instance_redeploy(
        &self,
        ctx: &Context<'_>,
        service_id: String,
        environment_id: String,
    ) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.instance(caller, &service_id, &environment_id)?;
        state.redeploy(&service_id, &environment_id)?;
        Ok(true)
    }

    /// Has no environment and returns an object, unlike upstream's query.
    async fn deployment_redeploy(
        &self,
        ctx: &Context<'_>,
        id: String,
        #[graphql(name = "usePreviousImageTag")] _use_previous_image_tag: Option<bool>,
    ) -> Result<Deployment> {
        let (mut state, caller) = open(ctx)?;
        let old = &state.deployments[state.deployment(caller, &id)?];
        let (service, environment) = (old.service_id.clone(), old.environment_id.clone());
        let new = state.redeploy(&service, &environment)?;
        let place = state.deployment(caller, &new)?;
        Ok(Deployment::from_row(&state, &state.deployments[place]))
    }

    /// Starts the same container again, with its previous variables.
    async fn deployment_restart(&self, ctx: &Context<'_>, id: String) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        let place = state.deployment(caller, &id)?;
        let deployment = &mut state.deployments[place];
        if deployment.status.in_flight() {
            return Err(Refusal::new(IN_FLIGHT).into());
        }
        deployment.stopped = false;
        deployment.become_now(DeploymentStatus::Deploying);
        deployment.progress = crate::Pace::AT_ONCE.start();
        Ok(true)
    }

    async fn deployment_stop(&self, ctx: &Context<'_>, id: String) -> Result<bool> {
        let (mut state, caller) = open(ctx)?;
        state.halt(caller, &id, None)?;
        Ok(true)
    }
}
