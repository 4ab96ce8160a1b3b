use std::sync::Arc;

use async_trait::async_trait;

use super::LayerSettings;
use super::operation::{Nature, Operation};
use super::stack::{Stack, declared};
use super::stats::CallStats;
use crate::{
    Context, CreatedInfra, EnvVars, InfraCapabilities, InfraHandle, InfraId, InfraOptions,
    InfraProvider, InstanceId, InstanceSpec, ListedInstance, LogLine, NoticeError, ProviderError,
    Redeploy, Secret, VendorNotice,
};

/// Puts the layers around an infra provider. Errors, traces and metrics name it `id`.
#[must_use]
pub fn layered_infra(
    id: &InfraId,
    settings: LayerSettings,
    inner: Arc<dyn InfraProvider>,
) -> Arc<dyn InfraProvider> {
    counted_infra(id, settings, Arc::default(), inner)
}

/// Like [`layered_infra`], counting in `stats`.
pub(crate) fn counted_infra(
    id: &InfraId,
    settings: LayerSettings,
    stats: Arc<CallStats>,
    inner: Arc<dyn InfraProvider>,
) -> Arc<dyn InfraProvider> {
    let stack = Stack::new(id, settings, stats);
    Arc::new(LayeredInfra { stack, inner })
}

#[derive(Debug)]
struct LayeredInfra {
    stack: Stack,
    inner: Arc<dyn InfraProvider>,
}

const fn change<'a>(name: &'static str, handle: &'a InfraHandle) -> Operation<'a> {
    Operation::new(name, Some(&handle.instance), Nature::Repeatable)
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl InfraProvider for LayeredInfra {
    fn capabilities(&self) -> InfraCapabilities {
        declared(&self.stack, || self.inner.capabilities())
    }

    fn default_image(&self) -> Option<&str> {
        self.inner.default_image()
    }

    fn recipe_settings(&self) -> &'static [&'static str] {
        self.inner.recipe_settings()
    }

    fn check_options(&self, options: &InfraOptions) -> Result<(), ProviderError> {
        self.inner.check_options(options)
    }

    async fn resolve_image(
        &self,
        cx: &Context,
        image: &str,
    ) -> Result<Option<String>, ProviderError> {
        let call = |cx| async move { self.inner.resolve_image(&cx, image).await };
        self.stack
            .call(Operation::read("resolve_image"), cx, call)
            .await
    }

    fn takes_notices(&self) -> bool {
        self.inner.takes_notices()
    }

    fn read_notice(&self, secret: &Secret, body: &[u8]) -> Result<VendorNotice, NoticeError> {
        self.inner.read_notice(secret, body)
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let operation = Operation::new("create", Some(instance), Nature::Repeatable);
        let call = |cx| async move { self.inner.create(&cx, instance, spec).await };
        self.stack.call(operation, cx, call).await
    }

    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let call = |cx| async move { self.inner.configure(&cx, handle, variables, redeploy).await };
        self.stack.call(change("configure", handle), cx, call).await
    }

    /// A second deployment would restart what the first has just started.
    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let operation = Operation::new("redeploy", Some(&handle.instance), Nature::Once);
        let call = |cx| async move { self.inner.redeploy(&cx, handle).await };
        self.stack.call(operation, cx, call).await
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let call = |cx| async move { self.inner.destroy(&cx, handle).await };
        self.stack.call(change("destroy", handle), cx, call).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        let call = |cx| async move { self.inner.list(&cx).await };
        self.stack.call(Operation::read("list"), cx, call).await
    }

    async fn logs(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        let operation = Operation::new("logs", Some(&handle.instance), Nature::Read);
        let call = |cx| async move { self.inner.logs(&cx, handle, lines).await };
        self.stack.call(operation, cx, call).await
    }

    async fn update_image(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        let call = |cx| async move { self.inner.update_image(&cx, handle, image).await };
        self.stack
            .call(change("update_image", handle), cx, call)
            .await
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        let call = |cx| async move { self.inner.verify(&cx).await };
        self.stack.call(Operation::read("verify"), cx, call).await
    }
}
