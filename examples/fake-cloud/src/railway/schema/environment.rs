//! Environments: one query of an environment returns a whole fleet.

use std::collections::HashSet;

use async_graphql::{ComplexObject, Context, ID, Result, SimpleObject};

use super::connection::{
    Connection, EnvironmentDeploymentsConnection, EnvironmentServiceInstancesConnection,
    EnvironmentVolumeInstancesConnection,
};
use super::node::{Deployment, ServiceInstance, VolumeInstance};
use super::open::open;
use super::scalar::{DateTime, EnvironmentConfig};
use crate::railway::page::PageArgs;
use crate::railway::state;

#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Environment {
    id: ID,
    name: String,
    project_id: String,
    is_ephemeral: bool,
    created_at: DateTime,
    updated_at: DateTime,
    deleted_at: Option<DateTime>,
}

impl From<&state::Environment> for Environment {
    fn from(row: &state::Environment) -> Self {
        Self {
            id: ID(row.id.clone()),
            name: row.name.clone(),
            project_id: row.project_id.clone(),
            is_ephemeral: false,
            created_at: DateTime(row.created_at.clone()),
            updated_at: DateTime(row.created_at.clone()),
            deleted_at: None,
        }
    }
}

#[ComplexObject]
impl Environment {
    async fn service_instances(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<EnvironmentServiceInstancesConnection>> {
        let (mut state, _) = open(ctx)?;
        // A service that is not in lists yet has no instances in them either.
        let project = &self.project_id;
        let own = state
            .services
            .iter_mut()
            .filter(|service| &service.project_id == project);
        let seen = own.filter_map(|row| row.hidden.read().then(|| row.id.clone()));
        let seen: HashSet<String> = seen.collect();
        let rows = state
            .instances
            .iter()
            .filter(|row| row.environment_id == self.id.0 && seen.contains(&row.service_id));
        let rows = rows.map(|row| (row.seq, row)).collect();
        let page = PageArgs { first, after }.cut(rows, state.options.page_size)?;
        Ok(page
            .map(|row| ServiceInstance::from_row(&state, row))
            .into())
    }

    async fn volume_instances(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<EnvironmentVolumeInstancesConnection>> {
        let (mut state, _) = open(ctx)?;
        let volumes = state.volumes.iter_mut();
        let seen = volumes.filter_map(|row| row.hidden.read().then(|| row.id.clone()));
        let seen: HashSet<String> = seen.collect();
        let rows = state
            .volume_instances
            .iter()
            .filter(|row| row.environment_id == self.id.0 && seen.contains(&row.volume_id));
        let rows = rows.filter_map(|row| Some((row.seq, VolumeInstance::from_row(&state, row)?)));
        let page = PageArgs { first, after }.cut(rows.collect(), state.options.page_size)?;
        Ok(page.into())
    }

    async fn deployments(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<EnvironmentDeploymentsConnection>> {
        let (state, _) = open(ctx)?;
        let own = state.deployments.iter().rev();
        let own = own.filter(|row| row.environment_id == self.id.0);
        // Newest first, so the sequence is counted backwards.
        let rows = own
            .map(|row| (u64::MAX - row.seq, Deployment::from_row(&state, row)))
            .collect();
        let page = PageArgs { first, after }.cut(rows, state.options.page_size)?;
        Ok(page.into())
    }

    /// Sealed variables have no value here; others have theirs only on request.
    async fn config(
        &self,
        ctx: &Context<'_>,
        decrypt_variables: Option<bool>,
    ) -> Result<EnvironmentConfig> {
        let (state, _) = open(ctx)?;
        let mut config = state.config_of(&self.id);
        if decrypt_variables != Some(true) {
            let services = config["services"].as_object_mut().into_iter().flatten();
            for (_, service) in services {
                let variables = service["variables"].as_object_mut().into_iter().flatten();
                for (_, variable) in variables {
                    variable["value"] = "*****".into();
                }
            }
        }
        Ok(EnvironmentConfig(config))
    }
}
