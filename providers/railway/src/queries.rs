//! Queries of Railway's API, one function per operation. Fleets are in [`crate::fleet`].

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent_pool_core::http::pages;
use agent_pool_core::{Context, ProviderError};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::Instant;

use crate::error::Failure;
use crate::fleet::PAGE;
use crate::graphql::Client;
use crate::handle::Handle;
use crate::operations;
use crate::page::Connection;
use crate::placement::Home;
use crate::wire::{ApiToken, Deployed, Log, NamedEnvironment, Project, ProjectName, ProjectToken};

/// A page that is not answered in time is requested again with half the size, down to this size.
const SMALLEST_PAGE: u32 = 5;
/// Longer than nearly all pages take; about one call in a hundred takes longer.
const PAGE_TIMEOUT: Duration = Duration::from_secs(45);

impl Client {
    /// The workspaces of an account's or a workspace's token.
    pub(crate) async fn api_token(&self, cx: &Context) -> Result<ApiToken, Failure> {
        self.ask(cx, &operations::API_TOKEN, json!({})).await
    }

    /// The project and environment of a project token.
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
            page.into_page(cx.mark())
        })
        .await
    }

    /// Every project of a workspace, with its contents.
    pub(crate) async fn projects(
        &self,
        cx: &Context,
        workspace: &str,
    ) -> Result<Vec<Project>, ProviderError> {
        // Each project contains further lists, so a page has fewer projects than plain rows. A size that was too
        // large is not used again for the rest of the list.
        let size = AtomicU32::new(self.page_size.get());
        let size = &size;
        pages(|after: Option<String>| async move {
            loop {
                let first = size.load(Ordering::Relaxed);
                let variables =
                    json!({ "workspaceId": workspace, "first": first, "after": &after });
                let (soon, begun) = (cx.within(PAGE_TIMEOUT), Instant::now());
                let asked = self.ask::<Connection<_>>(&soon, &operations::PROJECTS, variables);
                let timed_out =
                    |failure: &Failure| failure.timed_out || begun.elapsed() >= PAGE_TIMEOUT;
                match asked.await {
                    Err(failure) if timed_out(&failure) && first > SMALLEST_PAGE => {
                        size.store((first / 2).max(SMALLEST_PAGE), Ordering::Relaxed);
                    }
                    page => return page?.into_page(cx.mark()),
                }
            }
        })
        .await
    }

    /// Checks that an environment exists and is in its project.
    pub(crate) async fn environment_name(&self, cx: &Context, home: &Home) -> Result<(), Failure> {
        let variables = json!({ "environmentId": home.environment, "projectId": home.project });
        let asked = self.ask(cx, &operations::ENVIRONMENT_NAME, variables);
        let _: IgnoredAny = asked.await?;
        Ok(())
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
