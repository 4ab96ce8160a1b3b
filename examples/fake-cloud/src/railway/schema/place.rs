//! Mutations that create resources.

use async_graphql::{Context, MaybeUndefined, Object, Result};

use super::environment::Environment;
use super::input::{
    EnvironmentCreateInput, ProjectCreateInput, ServiceCreateInput, ServiceDomainCreateInput,
    ServiceUpdateInput, VolumeCreateInput, VolumeUpdateInput,
};
use super::node::{Service, ServiceDomain, Volume};
use super::open::open;
use super::project::Project;
use crate::railway::create::{NewService, Within};
use crate::railway::message::Refusal;

#[derive(Debug, Default)]
pub(crate) struct Place;

#[Object]
impl Place {
    async fn project_create(
        &self,
        ctx: &Context<'_>,
        input: ProjectCreateInput,
    ) -> Result<Project> {
        let (mut state, caller) = open(ctx)?;
        let environment = input.default_environment_name;
        let id = state.create_project(caller, input.name, environment, input.workspace_id)?;
        Ok(state.project(caller, &id)?.into())
    }

    async fn environment_create(
        &self,
        ctx: &Context<'_>,
        input: EnvironmentCreateInput,
    ) -> Result<Environment> {
        let (mut state, caller) = open(ctx)?;
        let source = input.source_environment_id;
        let id = state.create_environment(caller, &input.project_id, input.name, source)?;
        Ok(state.environment(caller, &id)?.into())
    }

    async fn service_create(
        &self,
        ctx: &Context<'_>,
        input: ServiceCreateInput,
    ) -> Result<Service> {
        let (mut state, caller) = open(ctx)?;
        let new = NewService {
            project_id: input.project_id,
            environment_id: input.environment_id,
            name: input.name,
            image: input.source.and_then(|source| source.image),
            variables: input.variables.unwrap_or_default().0,
        };
        let id = state.create_service(caller, new)?;
        Ok(state.service(caller, &id)?.into())
    }

    async fn service_update(
        &self,
        ctx: &Context<'_>,
        id: String,
        input: ServiceUpdateInput,
    ) -> Result<Service> {
        let (mut state, caller) = open(ctx)?;
        let project = state.service(caller, &id)?.project_id.clone();
        if let Some(name) = input.name {
            let mut services = state.services.iter();
            if services
                .any(|other| other.project_id == project && other.name == name && other.id != id)
            {
                return Err(Refusal::new("A service with this name already exists").into());
            }
            for service in state.services.iter_mut().filter(|service| service.id == id) {
                service.name.clone_from(&name);
            }
        }
        Ok(state.service(caller, &id)?.into())
    }

    async fn service_domain_create(
        &self,
        ctx: &Context<'_>,
        input: ServiceDomainCreateInput,
    ) -> Result<ServiceDomain> {
        let (mut state, caller) = open(ctx)?;
        let (service, environment) = (&input.service_id, &input.environment_id);
        let id = state.create_domain(caller, service, environment, input.target_port)?;
        let made = state.domains.iter().find(|domain| domain.id == id);
        Ok(made
            .ok_or_else(|| Refusal::not_found("ServiceDomain"))?
            .into())
    }

    async fn volume_create(&self, ctx: &Context<'_>, input: VolumeCreateInput) -> Result<Volume> {
        let (mut state, caller) = open(ctx)?;
        let within = match input.environment_id {
            MaybeUndefined::Undefined => Within::All,
            MaybeUndefined::Null => Within::None,
            MaybeUndefined::Value(id) => Within::One(id),
        };
        let (project, service) = (&input.project_id, input.service_id);
        let id = state.create_volume(caller, project, service, within, input.mount_path)?;
        let place = state.volume(caller, &id)?;
        Ok((&state.volumes[place]).into())
    }

    async fn volume_update(
        &self,
        ctx: &Context<'_>,
        volume_id: String,
        input: VolumeUpdateInput,
    ) -> Result<Volume> {
        let (mut state, caller) = open(ctx)?;
        let place = state.rename_volume(caller, &volume_id, input.name)?;
        Ok((&state.volumes[place]).into())
    }
}
