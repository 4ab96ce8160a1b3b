//! Mutations of Railway's API, one function per operation.

use agent_pool_core::{Context, ErrorKind, ProviderError, ServiceId};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::error::{Absence, Failure};
use crate::graphql::Client;
use crate::handle::Handle;
use crate::operations::{self, Operation};
use crate::placement::Home;
use crate::settings::RailwaySettings;
use crate::wire::{Domain, Identified, NewProject, NewService};

impl Client {
    /// Sends a mutation that answers whether it was done.
    async fn change(
        &self,
        cx: &Context,
        operation: &Operation,
        variables: Value,
    ) -> Result<(), Failure> {
        let done: bool = self.ask(cx, operation, variables).await?;
        if done {
            return Ok(());
        }
        Err(Failure {
            error: ProviderError::new(ErrorKind::Unavailable, "answered false").at(
                "railway",
                operation.name,
                None,
            ),
            absence: Absence::Possible,
            timed_out: false,
        })
    }

    /// Creates a project with one environment.
    pub(crate) async fn project_create(
        &self,
        cx: &Context,
        workspace: &str,
        name: &str,
        environment: &str,
    ) -> Result<NewProject, Failure> {
        let input = json!({
            "workspaceId": workspace,
            "name": name,
            "defaultEnvironmentName": environment,
        });
        let variables = json!({ "input": input });
        self.ask(cx, &operations::PROJECT_CREATE, variables).await
    }

    /// Deletes a project with everything in it.
    pub(crate) async fn project_delete(&self, cx: &Context, id: &str) -> Result<(), Failure> {
        let variables = json!({ "id": id });
        self.change(cx, &operations::PROJECT_DELETE, variables)
            .await
    }

    /// Creates a service without a source, because a source would deploy at once.
    pub(crate) async fn service_create(
        &self,
        cx: &Context,
        home: &Home,
        name: &str,
    ) -> Result<ServiceId, Failure> {
        let input = json!({
            "projectId": home.project,
            "environmentId": home.environment,
            "name": name,
        });
        let variables = json!({ "input": input });
        let made: NewService = self.ask(cx, &operations::SERVICE_CREATE, variables).await?;
        Ok(made.id)
    }

    /// Deletes a service in its environment.
    pub(crate) async fn service_delete(
        &self,
        cx: &Context,
        handle: &Handle,
    ) -> Result<(), Failure> {
        let variables = json!({ "id": handle.service, "environmentId": handle.environment });
        self.change(cx, &operations::SERVICE_DELETE, variables)
            .await
    }

    /// Creates a domain for a service, and returns it without its scheme.
    pub(crate) async fn service_domain_create(
        &self,
        cx: &Context,
        home: &Home,
        service: &ServiceId,
        port: Option<u16>,
    ) -> Result<String, Failure> {
        let input = json!({
            "environmentId": home.environment,
            "serviceId": service,
            "targetPort": port,
        });
        let variables = json!({ "input": input });
        let asked = self.ask(cx, &operations::SERVICE_DOMAIN_CREATE, variables);
        let made: Domain = asked.await?;
        Ok(made.domain)
    }

    /// Creates a volume for a service. Without the environment it would be created in all of them.
    pub(crate) async fn volume_create(
        &self,
        cx: &Context,
        home: &Home,
        service: &ServiceId,
        settings: &RailwaySettings,
    ) -> Result<String, Failure> {
        let input = json!({
            "projectId": home.project,
            "environmentId": home.environment,
            "serviceId": service,
            "mountPath": settings.volume_mount,
            "region": settings.region,
        });
        let variables = json!({ "input": input });
        let made: Identified = self.ask(cx, &operations::VOLUME_CREATE, variables).await?;
        Ok(made.id)
    }

    /// Renames a volume: its name cannot be set at creation.
    pub(crate) async fn volume_rename(
        &self,
        cx: &Context,
        id: &str,
        name: &str,
    ) -> Result<(), Failure> {
        let variables = json!({ "volumeId": id, "input": { "name": name } });
        let _: IgnoredAny = self.ask(cx, &operations::VOLUME_UPDATE, variables).await?;
        Ok(())
    }

    /// Deletes a volume.
    pub(crate) async fn volume_delete(&self, cx: &Context, id: &str) -> Result<(), Failure> {
        let variables = json!({ "volumeId": id });
        self.change(cx, &operations::VOLUME_DELETE, variables).await
    }

    /// Sets variables without a deployment.
    pub(crate) async fn variables_upsert(
        &self,
        cx: &Context,
        project: &str,
        handle: &Handle,
        values: Map<String, Value>,
    ) -> Result<(), Failure> {
        let input = json!({
            "projectId": project,
            "environmentId": handle.environment,
            "serviceId": handle.service,
            "skipDeploys": true,
            "variables": values,
        });
        let variables = json!({ "input": input });
        self.change(cx, &operations::VARIABLES_UPSERT, variables)
            .await
    }

    /// Commits a patch of these services of an environment, which deploys what it changed.
    pub(crate) async fn patch_commit(
        &self,
        cx: &Context,
        environment: &str,
        services: Map<String, Value>,
        message: &str,
    ) -> Result<(), Failure> {
        let variables = json!({
            "environmentId": environment,
            "patch": { "services": services },
            "message": message,
        });
        let _: IgnoredAny = self.ask(cx, &operations::PATCH_COMMIT, variables).await?;
        Ok(())
    }

    /// Deploys a service with its current configuration.
    pub(crate) async fn deploy(&self, cx: &Context, handle: &Handle) -> Result<(), Failure> {
        let variables = json!({ "serviceId": handle.service, "environmentId": handle.environment });
        let asked = self.ask(cx, &operations::SERVICE_INSTANCE_DEPLOY, variables);
        let _: IgnoredAny = asked.await?;
        Ok(())
    }
}
