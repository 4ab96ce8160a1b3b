//! What is read of Railway, one function per operation. Fleets are in [`crate::fleet`].

use agent_pool_core::http::pages;
use agent_pool_core::{Context, ProviderError};
use serde_json::json;

use crate::error::Failure;
use crate::fleet::PAGE;
use crate::graphql::Client;
use crate::handle::Handle;
use crate::model::{ApiToken, Deployed, Log, NamedEnvironment, Project, ProjectName, ProjectToken};
use crate::operations;
use crate::page::Connection;

/// How many projects are read in one call, with what is in them. Each brings further lists along, so
/// that it is less than a page of plain rows.
const PROJECTS: u32 = 100;

impl Client {
    /// The workspaces of an account's or a workspace's token.
    pub(crate) async fn api_token(&self, cx: &Context) -> Result<ApiToken, Failure> {
        self.ask(cx, &operations::API_TOKEN, json!({})).await
    }

    /// What a project token is for.
    pub(crate) async fn project_token(&self, cx: &Context) -> Result<ProjectToken, Failure> {
        self.ask(cx, &operations::PROJECT_TOKEN, json!({})).await
    }

    /// Every environment of a project.
    pub(crate) async fn environments(
        &self,
        cx: &Context,
        project: &str,
    ) -> Result<Vec<NamedEnvironment>, ProviderError> {
        pages(|after: Option<String>| async move {
            let variables = json!({ "projectId": project, "first": PAGE, "after": after });
            let asked = self.ask(cx, &operations::ENVIRONMENTS, variables);
            let page: Connection<_> = asked.await?;
            page.into_page()
        })
        .await
    }

    /// Every project of a workspace, with what is in it.
    pub(crate) async fn projects(
        &self,
        cx: &Context,
        workspace: &str,
    ) -> Result<Vec<Project>, ProviderError> {
        pages(|after: Option<String>| async move {
            let variables = json!({ "workspaceId": workspace, "first": PROJECTS, "after": after });
            let page: Connection<_> = self.ask(cx, &operations::PROJECTS, variables).await?;
            page.into_page()
        })
        .await
    }

    /// A project by its id.
    pub(crate) async fn project(&self, cx: &Context, id: &str) -> Result<ProjectName, Failure> {
        let variables = json!({ "id": id });
        self.ask(cx, &operations::PROJECT, variables).await
    }

    /// A service's newest deployment.
    pub(crate) async fn deployed(
        &self,
        cx: &Context,
        handle: &Handle,
    ) -> Result<Deployed, Failure> {
        let variables = json!({ "serviceId": handle.service, "environmentId": handle.environment });
        self.ask(cx, &operations::SERVICE_INSTANCE, variables).await
    }

    /// The last lines of a deployment, 5000 at most.
    pub(crate) async fn deployment_logs(
        &self,
        cx: &Context,
        deployment: &str,
        lines: usize,
    ) -> Result<Vec<Log>, Failure> {
        let variables = json!({ "deploymentId": deployment, "limit": lines.min(5_000) });
        self.ask(cx, &operations::DEPLOYMENT_LOGS, variables).await
    }
}
