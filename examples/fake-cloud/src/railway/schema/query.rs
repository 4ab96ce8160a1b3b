//! The root of queries.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::connection::{
    Connection, QueryDeploymentsConnection, QueryEnvironmentsConnection, QueryProjectsConnection,
};
use super::environment::Environment;
use super::input::DeploymentListInput;
use super::node::{AllDomains, Deployment, Service, ServiceInstance};
use super::open::open;
use super::project::Project;
use super::scalar::{DateTime, EnvironmentVariables};
use crate::railway::access::Caller;
use crate::railway::message::Refusal;
use crate::railway::page::PageArgs;

#[derive(Debug, SimpleObject)]
pub(crate) struct ApiTokenWorkspace {
    id: String,
    name: String,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct ApiTokenContext {
    workspaces: Vec<ApiTokenWorkspace>,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct ProjectToken {
    id: ID,
    name: String,
    project_id: String,
    environment_id: String,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct User {
    id: ID,
    name: Option<String>,
    email: String,
}

#[derive(Debug, SimpleObject)]
pub(crate) struct Log {
    timestamp: String,
    severity: Option<String>,
    message: String,
}

#[derive(Debug)]
pub(crate) struct Query;

#[Object]
impl Query {
    /// Account and workspace tokens.
    async fn api_token(&self, ctx: &Context<'_>) -> Result<ApiTokenContext> {
        let (state, caller) = open(ctx)?;
        caller.whole_workspace()?;
        let id = state.workspace_id.clone();
        let workspaces = vec![ApiTokenWorkspace {
            id,
            name: "fake".into(),
        }];
        Ok(ApiTokenContext { workspaces })
    }

    /// Project tokens only.
    async fn project_token(&self, ctx: &Context<'_>) -> Result<ProjectToken> {
        match ctx.data::<Caller>()?.clone() {
            Caller::Project {
                project,
                environment,
            } => Ok(ProjectToken {
                id: ID("fake-project-token".into()),
                name: "fake".into(),
                project_id: project,
                environment_id: environment,
            }),
            Caller::Account | Caller::Workspace => Err(Refusal::not_found("Project Token").into()),
        }
    }

    /// Account tokens only: the others have no user.
    async fn me(&self, ctx: &Context<'_>) -> Result<User> {
        match ctx.data::<Caller>()? {
            Caller::Account => Ok(User {
                id: ID("fake-user".into()),
                name: Some("Fake".into()),
                email: "fake@example.org".into(),
            }),
            Caller::Workspace | Caller::Project { .. } => Err(Refusal::not_authorized().into()),
        }
    }

    async fn projects(
        &self,
        ctx: &Context<'_>,
        workspace_id: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<QueryProjectsConnection>> {
        let (mut state, caller) = open(ctx)?;
        caller.whole_workspace()?;
        let slow = state.options.slow_page;
        if slow.is_some_and(|most| {
            first.is_none_or(|first| usize::try_from(first).is_ok_and(|first| first > most))
        }) {
            return Err(Refusal::too_slow().into());
        }
        if workspace_id.is_some_and(|id| id != state.workspace_id) {
            return Err(Refusal::not_authorized().into());
        }
        let size = state.options.page_size;
        let projects = state.projects.iter_mut();
        let seen =
            projects.filter_map(|row| row.hidden.read().then(|| (row.seq, Project::from(&*row))));
        Ok(PageArgs { first, after }.cut(seen.collect(), size)?.into())
    }

    async fn project(&self, ctx: &Context<'_>, id: String) -> Result<Project> {
        let (state, caller) = open(ctx)?;
        Ok(state.project(caller, &id)?.into())
    }

    async fn environments(
        &self,
        ctx: &Context<'_>,
        project_id: String,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<QueryEnvironmentsConnection>> {
        let (state, caller) = open(ctx)?;
        state.project(caller, &project_id)?;
        let own = state.environments.iter().filter(|environment| {
            environment.project_id == project_id && caller.sees_environment(&environment.id)
        });
        let rows = own.map(|row| (row.seq, Environment::from(row))).collect();
        Ok(PageArgs { first, after }
            .cut(rows, state.options.page_size)?
            .into())
    }

    async fn environment(
        &self,
        ctx: &Context<'_>,
        id: String,
        project_id: Option<String>,
    ) -> Result<Environment> {
        let (state, caller) = open(ctx)?;
        let environment = state.environment(caller, &id)?;
        // A project token must name its project too [U].
        if project_id.is_none() && matches!(caller, Caller::Project { .. }) {
            return Err(Refusal::not_authorized().into());
        }
        if project_id.is_some_and(|project| project != environment.project_id) {
            return Err(Refusal::not_found("Environment").into());
        }
        Ok(environment.into())
    }

    async fn service(&self, ctx: &Context<'_>, id: String) -> Result<Service> {
        let (state, caller) = open(ctx)?;
        Ok(state.service(caller, &id)?.into())
    }

    async fn service_instance(
        &self,
        ctx: &Context<'_>,
        service_id: String,
        environment_id: String,
    ) -> Result<ServiceInstance> {
        let (state, caller) = open(ctx)?;
        let place = state.instance(caller, &service_id, &environment_id)?;
        Ok(ServiceInstance::from_row(&state, &state.instances[place]))
    }

    async fn domains(
        &self,
        ctx: &Context<'_>,
        project_id: String,
        environment_id: String,
        service_id: String,
    ) -> Result<AllDomains> {
        let (state, caller) = open(ctx)?;
        state.project(caller, &project_id)?;
        state.instance(caller, &service_id, &environment_id)?;
        Ok(AllDomains::find(&state, &service_id, &environment_id))
    }

    async fn variables(
        &self,
        ctx: &Context<'_>,
        project_id: String,
        environment_id: String,
        service_id: Option<String>,
    ) -> Result<EnvironmentVariables> {
        let (state, caller) = open(ctx)?;
        state.project(caller, &project_id)?;
        state.environment(caller, &environment_id)?;
        let Some(service) = service_id else {
            return Ok(EnvironmentVariables::default()); // shared ones, of which there are none
        };
        let place = state.instance(caller, &service, &environment_id)?;
        Ok(EnvironmentVariables(state.variables_of(place)))
    }

    async fn deployment(&self, ctx: &Context<'_>, id: String) -> Result<Deployment> {
        let (state, caller) = open(ctx)?;
        let place = state.deployment(caller, &id)?;
        Ok(Deployment::from_row(&state, &state.deployments[place]))
    }

    /// Newest first.
    async fn deployments(
        &self,
        ctx: &Context<'_>,
        input: DeploymentListInput,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<QueryDeploymentsConnection>> {
        let (state, caller) = open(ctx)?;
        let fits = |asked: &Option<String>, have: &str| asked.as_ref().is_none_or(|id| id == have);
        let status = input.status.as_ref();
        let among = status.and_then(|status| status.among.as_ref());
        let not = status.and_then(|status| status.not_in.as_ref());
        let rows = state.deployments.iter().rev().filter(|row| {
            caller.sees_environment(&row.environment_id)
                && fits(&input.project_id, &row.project_id)
                && fits(&input.environment_id, &row.environment_id)
                && fits(&input.service_id, &row.service_id)
                && among.is_none_or(|list| list.contains(&row.status))
                && not.is_none_or(|list| !list.contains(&row.status))
        });
        let rows = rows
            .map(|row| (u64::MAX - row.seq, Deployment::from_row(&state, row)))
            .collect();
        Ok(PageArgs { first, after }
            .cut(rows, state.options.page_size)?
            .into())
    }

    /// The last lines, oldest first.
    async fn deployment_logs(
        &self,
        ctx: &Context<'_>,
        deployment_id: String,
        limit: Option<i32>,
        filter: Option<String>,
        start_date: Option<DateTime>,
        end_date: Option<DateTime>,
    ) -> Result<Vec<Log>> {
        let (state, caller) = open(ctx)?;
        let place = state.deployment(caller, &deployment_id)?;
        let filter = filter.unwrap_or_default();
        let lines = state.deployments[place].logs.iter().filter(|(time, line)| {
            line.contains(&filter)
                && start_date.as_ref().is_none_or(|start| *time >= start.0)
                && end_date.as_ref().is_none_or(|end| *time <= end.0)
        });
        let lines: Vec<_> = lines.collect();
        let limit = usize::try_from(limit.unwrap_or(500)).unwrap_or_default();
        let tail = lines.into_iter().rev().take(limit).rev();
        Ok(tail
            .map(|(timestamp, message)| Log {
                timestamp: timestamp.clone(),
                severity: Some("info".into()),
                message: message.clone(),
            })
            .collect())
    }
}
