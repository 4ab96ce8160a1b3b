use std::sync::Arc;

use async_trait::async_trait;

use super::LayerSettings;
use super::operation::{Nature, Operation};
use super::stack::{Stack, declared};
use super::stats::CallStats;
use crate::{
    Context, InstanceId, ListedResource, Metadata, ProviderError, ProvisionedTool, ResourceId,
    ToolCapabilities, ToolId, ToolOptions, ToolProvider, Usage,
};

/// Puts the layers around a tool provider. Errors, traces and metrics name it `id`.
#[must_use]
pub fn layered_tool(
    id: &ToolId,
    settings: LayerSettings,
    inner: Arc<dyn ToolProvider>,
) -> Arc<dyn ToolProvider> {
    counted_tool(id, settings, Arc::default(), inner)
}

/// Like [`layered_tool`], counting in `stats`.
pub(crate) fn counted_tool(
    id: &ToolId,
    settings: LayerSettings,
    stats: Arc<CallStats>,
    inner: Arc<dyn ToolProvider>,
) -> Arc<dyn ToolProvider> {
    let stack = Stack::new(id, settings, stats);
    Arc::new(LayeredTool { stack, inner })
}

#[derive(Debug)]
struct LayeredTool {
    stack: Stack,
    inner: Arc<dyn ToolProvider>,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ToolProvider for LayeredTool {
    fn capabilities(&self) -> ToolCapabilities {
        declared(&self.stack, || self.inner.capabilities())
    }

    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let operation = Operation::new("provision", Some(instance), Nature::Repeatable);
        let call = |cx| async move { self.inner.provision(&cx, instance, options).await };
        self.stack.call(operation, cx, call).await
    }

    async fn destroy(
        &self,
        cx: &Context,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        let operation = Operation::new("destroy", Some(instance), Nature::Repeatable);
        let call = |cx| async move { self.inner.destroy(&cx, instance, resource).await };
        self.stack.call(operation, cx, call).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let call = |cx| async move { self.inner.list(&cx).await };
        self.stack.call(Operation::read("list"), cx, call).await
    }

    async fn usage(&self, cx: &Context, resource: &ResourceId) -> Result<Usage, ProviderError> {
        let call = |cx| async move { self.inner.usage(&cx, resource).await };
        self.stack.call(Operation::read("usage"), cx, call).await
    }

    async fn update(
        &self,
        cx: &Context,
        resource: &ResourceId,
        options: &ToolOptions,
    ) -> Result<(), ProviderError> {
        let operation = Operation::new("update", None, Nature::Repeatable);
        let call = |cx| async move { self.inner.update(&cx, resource, options).await };
        self.stack.call(operation, cx, call).await
    }

    async fn refresh(&self, cx: &Context) -> Result<Vec<(ResourceId, Metadata)>, ProviderError> {
        let call = |cx| async move { self.inner.refresh(&cx).await };
        self.stack.call(Operation::read("refresh"), cx, call).await
    }

    fn notices(&self) -> Vec<String> {
        self.inner.notices()
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        let call = |cx| async move { self.inner.verify(&cx).await };
        self.stack.call(Operation::read("verify"), cx, call).await
    }
}
