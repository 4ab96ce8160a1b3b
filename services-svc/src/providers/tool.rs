//! A tool provider. Every call has a deadline.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::{
    Attempt, EnvName, InstanceId, ListedResource, Metadata, ProviderError, ProvisionedTool,
    ResourceId, ToolId, ToolOptions, ToolProvider, Usage,
};
use futures_util::future::try_join_all;

use super::call_context::CallContext;

/// One tool of this build.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    id: ToolId,
    main_variable: EnvName,
    provider: Arc<dyn ToolProvider>,
    calls: CallContext,
}

impl Tool {
    pub(super) fn new(
        id: ToolId,
        main_variable: EnvName,
        provider: Arc<dyn ToolProvider>,
        calls: CallContext,
    ) -> Self {
        Self {
            id,
            main_variable,
            provider,
            calls,
        }
    }

    pub(crate) const fn id(&self) -> &ToolId {
        &self.id
    }

    /// The variable that holds its main secret.
    pub(crate) const fn main_variable(&self) -> &EnvName {
        &self.main_variable
    }

    pub(crate) async fn provision(
        &self,
        instance: &InstanceId,
        attempt: Attempt,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let cx = self.calls.now().with_attempt(attempt);
        self.provider.provision(&cx, instance, options).await
    }

    pub(crate) async fn destroy(
        &self,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        let cx = self.calls.now();
        self.provider.destroy(&cx, instance, resource).await
    }

    /// The usage of a resource; `None` if this tool cannot report it.
    pub(crate) async fn usage(
        &self,
        resource: &ResourceId,
        within: Duration,
    ) -> Result<Option<Usage>, ProviderError> {
        if !self.provider.capabilities().usage {
            return Ok(None);
        }
        let cx = self.calls.now().within(within);
        self.provider.usage(&cx, resource).await.map(Some)
    }

    /// Changes the options of a resource.
    pub(crate) async fn update(
        &self,
        resource: &ResourceId,
        options: &ToolOptions,
    ) -> Result<(), ProviderError> {
        let cx = self.calls.now();
        self.provider.update(&cx, resource, options).await
    }

    pub(crate) async fn list(&self) -> Result<Vec<ListedResource>, ProviderError> {
        let cx = self.calls.now();
        self.provider.list(&cx).await
    }

    /// Metadata that changed at the vendor.
    pub(crate) async fn refresh(&self) -> Result<Vec<(ResourceId, Metadata)>, ProviderError> {
        let cx = self.calls.now();
        self.provider.refresh(&cx).await
    }

    /// Destroys everything that the vendor has for an instance. Used if the resource id is unknown, because the answer
    /// to its provisioning was lost.
    pub(crate) async fn destroy_by_mark(&self, instance: &InstanceId) -> Result<(), ProviderError> {
        let listed = self.list().await?;
        let ours = listed.iter().filter(|found| found.instance == *instance);
        try_join_all(ours.map(|found| self.destroy(instance, &found.resource))).await?;
        Ok(())
    }
}
