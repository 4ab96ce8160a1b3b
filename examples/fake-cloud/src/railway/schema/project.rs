//! Projects and their lists.

use async_graphql::{ComplexObject, Context, ID, Result, SimpleObject};

use super::connection::{
    Connection, ProjectEnvironmentsConnection, ProjectServicesConnection, ProjectVolumesConnection,
};
use super::environment::Environment;
use super::node::{Service, Volume};
use super::open::open;
use super::scalar::DateTime;
use crate::railway::page::PageArgs;
use crate::railway::state;

#[derive(Debug, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Project {
    id: ID,
    name: String,
    workspace_id: Option<String>,
    created_at: DateTime,
    updated_at: DateTime,
    deleted_at: Option<DateTime>,
}

impl From<&state::Project> for Project {
    fn from(row: &state::Project) -> Self {
        Self {
            id: ID(row.id.clone()),
            name: row.name.clone(),
            workspace_id: Some(row.workspace_id.clone()),
            created_at: DateTime(row.created_at.clone()),
            updated_at: DateTime(row.created_at.clone()),
            deleted_at: None,
        }
    }
}

#[ComplexObject]
impl Project {
    async fn environments(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<ProjectEnvironmentsConnection>> {
        let (state, caller) = open(ctx)?;
        let own = state.environments.iter().filter(|environment| {
            environment.project_id == self.id.0 && caller.sees_environment(&environment.id)
        });
        let rows = own.map(|row| (row.seq, Environment::from(row))).collect();
        let page = PageArgs { first, after }.cut(rows, state.options.page_size)?;
        Ok(page.into())
    }

    async fn services(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<ProjectServicesConnection>> {
        let (mut state, _) = open(ctx)?;
        let size = state.options.page_size;
        let own = state
            .services
            .iter_mut()
            .filter(|service| service.project_id == self.id.0);
        let seen = own.filter_map(|row| row.hidden.read().then(|| (row.seq, Service::from(&*row))));
        Ok(PageArgs { first, after }.cut(seen.collect(), size)?.into())
    }

    async fn volumes(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<ProjectVolumesConnection>> {
        let (mut state, _) = open(ctx)?;
        let size = state.options.page_size;
        let own = state
            .volumes
            .iter_mut()
            .filter(|volume| volume.project_id == self.id.0);
        let seen = own.filter_map(|row| row.hidden.read().then(|| (row.seq, Volume::from(&*row))));
        Ok(PageArgs { first, after }.cut(seen.collect(), size)?.into())
    }
}
