//! A tool provider whose every call has a deadline.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::{
    EnvName, InstanceId, ListedResource, Metadata, ProviderError, ProvisionedTool, ResourceId,
    ToolId, ToolOptions, ToolProvider, Usage,
};
use futures_util::future::try_join_all;

use super::Surroundings;

/// One tool of this build.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    id: ToolId,
    main_variable: EnvName,
    provider: Arc<dyn ToolProvider>,
    surroundings: Surroundings,
}

impl Tool {
    pub(super) fn new(
        id: ToolId,
        main_variable: EnvName,
        provider: Arc<dyn ToolProvider>,
        surroundings: Surroundings,
    ) -> Self {
        Self {
            id,
            main_variable,
            provider,
            surroundings,
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
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let cx = self.surroundings.now();
        self.provider.provision(&cx, instance, options).await
    }

    pub(crate) async fn destroy(
        &self,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        let cx = self.surroundings.now();
        self.provider.destroy(&cx, instance, resource).await
    }

    /// What a resource has used; `None` where this tool does not tell.
    pub(crate) async fn usage(
        &self,
        resource: &ResourceId,
        within: Duration,
    ) -> Result<Option<Usage>, ProviderError> {
        if !self.provider.capabilities().usage {
            return Ok(None);
        }
        let cx = self.surroundings.now().within(within);
        self.provider.usage(&cx, resource).await.map(Some)
    }

    pub(crate) async fn list(&self) -> Result<Vec<ListedResource>, ProviderError> {
        let cx = self.surroundings.now();
        self.provider.list(&cx).await
    }

    /// Metadata that changed at the vendor.
    pub(crate) async fn refresh(&self) -> Result<Vec<(ResourceId, Metadata)>, ProviderError> {
        let cx = self.surroundings.now();
        self.provider.refresh(&cx).await
    }

    /// Destroys whatever the vendor has for an instance: for when the resource is not known, because
    /// the answer of its making never came.
    pub(crate) async fn destroy_by_mark(&self, instance: &InstanceId) -> Result<(), ProviderError> {
        let listed = self.list().await?;
        let ours = listed.iter().filter(|found| found.instance == *instance);
        try_join_all(ours.map(|found| self.destroy(instance, &found.resource))).await?;
        Ok(())
    }
}
